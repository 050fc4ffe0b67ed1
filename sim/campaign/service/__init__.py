"""The batch-task service: what each call does, what each query answers, a task's life.

`service` is its door (`BatchTaskService`).
"""
