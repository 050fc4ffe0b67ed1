"use strict";
(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  const views = new Map();
  const tip = document.getElementById("tip");

  const trim = (number) => String(Number(number.toPrecision(3)));
  const duration = (seconds) => {
    if (seconds === 0) return "0";
    if (seconds < 1) return trim(seconds * 1000) + " ms";
    let rest = seconds < 120 ? Number(seconds.toPrecision(3)) : Math.round(seconds);
    const terms = [];
    for (const [unit, worth] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
      const count = unit === "s" ? rest : Math.floor(rest / worth);
      rest -= count * worth;
      if (count) terms.push(`${trim(count)} ${unit}`);
    }
    return terms.slice(0, 2).join(" ");
  };
  const dateOf = (seconds, parts) =>
    new Date((page.start + seconds) * 1000).toLocaleString("en-GB", { timeZone: "UTC", ...parts });
  const clock = { hour: "2-digit", minute: "2-digit" };
  const day = { weekday: "short", day: "numeric", month: "short" };
  // A time in the run, with its date where one was given: on one line, or on an axis below it.
  const moment = (seconds) => page.start === null ? duration(seconds)
    : `${duration(seconds)} (${dateOf(seconds, { ...day, ...clock })})`;
  const tick = (seconds) => {
    const time = dateOf(seconds, clock);
    const isLater = seconds >= 86400; // the weekday would crowd out other labels on the first day
    return [duration(seconds), time === "00:00" ? dateOf(seconds, { day: "numeric", month: "short" })
      : isLater ? `${dateOf(seconds, { weekday: "short" })} ${time}` : time];
  };
  const scaled = (value, steps) => {
    const [worth, unit] = steps.find(([least]) => value >= least);
    return trim(value / (worth || 1)) + unit;
  };
  const share = (value) => {
    const percent = value * 100;
    if (percent === 0 || percent === 100) return percent + " %";
    return Math.min(99.9, Math.max(0.1, percent)).toFixed(percent % 1 ? 1 : 0) + " %";
  };
  const percent = (value) => Number((value * 100).toFixed(4)) + " %"; // ticks are as close as they are
  const count = (value) =>
    value >= 1e6 ? trim(value / 1e6) + " M" : value.toLocaleString("en", { maximumFractionDigits: 1 });
  const plain = (value) => value.toLocaleString("en", { maximumSignificantDigits: 6 });
  const rate = (value) => value === 0 ? "0" :
    scaled(value, [[1e9, " Gbit/s"], [1e6, " Mbit/s"], [1e3, " kbit/s"], [0, " bit/s"]]);
  const size = (value) => value === 0 ? "0" :
    scaled(value, [[2 ** 30, " GiB"], [2 ** 20, " MiB"], [2 ** 10, " KiB"], [0, " B"]]);

  const turned = (columns) => {
    const names = Object.keys(columns);
    return columns[names[0]].map((_, row) =>
      Object.fromEntries(names.map((name) => [name, columns[name][row]])));
  };

  // Every horizontal position is a time if the chart has a time axis: give it axis and scale.
  const withTime = (part, time, scale) => {
    const isDated = time.dated && page.start !== null;
    if (!part || typeof part !== "object") return part;
    if (part.x && part.x.field && part.x.type === "quantitative") {
      part.x.scale = { type: scale, domain: time[scale].domain, nice: false, clamp: true };
      part.x.axis = {
        title: scale === "log" ? `${time.title} (log)` : time.title,
        values: time[scale].ticks, formatType: isDated ? "tick" : "duration", format: "", labelOverlap: "greedy",
        labelSeparation: isDated ? 4 : 8, labelFlush: true, labelBound: 4, grid: false,
      };
    }
    for (const key of ["layer", "encoding"]) {
      if (Array.isArray(part[key])) part[key].forEach((inner) => withTime(inner, time, scale));
      else withTime(part[key], time, scale);
    }
    return part;
  };

  const look = {
    customFormatTypes: true,
    font: "system-ui, sans-serif",
    background: "transparent",
    aria: false, // the figure around a chart describes it
    mark: { aria: false },
    view: { stroke: null },
    axis: {
      labelColor: "var(--ink)", titleColor: "var(--ink)", titleFontWeight: "normal", labelFontSize: 12, titleFontSize: 12.5,
      domainColor: "var(--line)", tickColor: "var(--line)", gridColor: "var(--line)", gridOpacity: 0.5, titlePadding: 8,
    },
  };

  const showTip = (handler, event, item, value) => {
    if (!value) { tip.hidden = true; return; }
    tip.replaceChildren(...Object.entries(value).map(([name, text]) => {
      const row = document.createElement("div"), key = document.createElement("span"), what = document.createElement("b");
      key.textContent = name;
      what.textContent = text;
      row.append(key, what);
      return row;
    }));
    tip.hidden = false;
    const box = tip.getBoundingClientRect(), gap = 14;
    const left = event.clientX + gap + box.width > innerWidth ? event.clientX - gap - box.width : event.clientX + gap;
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - box.width - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + gap, innerHeight - box.height - 4))}px`;
  };

  const scaleOf = (time) => page.scale !== "fit" ? page.scale : time.skewed ? "log" : "linear";

  const draw = async (chart) => {
    const place = document.getElementById(`chart-${chart.name}`);
    const spec = structuredClone(chart.spec);
    if (chart.time) withTime(spec, chart.time, scaleOf(chart.time));
    spec.datasets = { ...spec.datasets, rows: turned(chart.data) };
    spec.autosize = { type: "fit-x", contains: "padding" };
    if (views.has(chart.name)) views.get(chart.name).finalize();
    const { view } = await vegaEmbed(place, spec, {
      mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, config: look, tooltip: showTip,
      expressionFunctions: { plain, duration, moment, tick, share, percent, count, rate, size },
    });
    views.set(chart.name, view);
    if (chart.follows) await view.signal("chosen", page.chosen).runAsync();
  };

  const follow = () => {
    const label = page.chosen || "all cohorts";
    document.querySelectorAll("[data-when]").forEach((part) => {
      part.hidden = (part.dataset.when === "cohort") !== Boolean(page.chosen);
    });
    document.querySelectorAll("[data-chosen]").forEach((part) => { part.textContent = label; });
    // A table that has rows for the whole fleet shows those or one cohort's; others show all or one's.
    document.querySelectorAll("tbody[data-filter]").forEach((body) => {
      const sums = body.querySelector('tr[data-cohort=""]') !== null;
      for (const row of body.rows) row.hidden = (page.chosen || sums) && row.dataset.cohort !== page.chosen;
    });
    return Promise.all(page.charts.filter((chart) => chart.follows).map((chart) =>
      views.get(chart.name).signal("chosen", page.chosen).resize().runAsync()));
  };

  // Say where a table hides columns: a scroll bar is not seen on a phone.
  const hint = () => document.querySelectorAll(".scroll").forEach((part) => {
    const said = part.nextElementSibling;
    if (said && said.classList.contains("hint")) said.hidden = part.scrollWidth <= part.clientWidth + 1;
  });

  const start = async () => {
    await Promise.all(page.charts.map(draw));
    hint();
    addEventListener("resize", hint);
    document.querySelectorAll("details").forEach((part) => part.addEventListener("toggle", hint));
    const filter = document.getElementById("cohort");
    if (filter) filter.addEventListener("change", () => { page.chosen = filter.value; follow(); });
    document.querySelectorAll("input[name=scale]").forEach((choice) => {
      choice.checked = choice.value === page.scale;
      choice.addEventListener("change", async () => {
        page.scale = choice.value;
        await Promise.all(page.charts.filter((chart) => chart.time).map(draw));
        document.body.dataset.scale = page.scale;
      });
    });
    addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
    addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
    addEventListener("beforeprint", () => {
      document.querySelectorAll("details.print").forEach((part) => { part.open = true; });
    });
    document.body.dataset.ready = "true";
  };
  start();
})();
