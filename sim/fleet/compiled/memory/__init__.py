"""Where the compiled plane keeps what it knows: tables, registers, their growth, access to memory."""
