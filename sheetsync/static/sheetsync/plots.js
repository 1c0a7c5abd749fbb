// Draws the plots of a page with Chart.js. A plot stands in its canvas as JSON (see sheetsync/admin/plots.py); colours
// follow light and dark; fills, dashes and shapes differ from series to series, so that no plot needs its colours.
"use strict";

(() => {
    // Told apart by people who see colours differently, too; each with enough contrast on its own ground.
    const COLOURS = {
        light: ["#0062a3", "#b8500d", "#007353", "#8f4a7a", "#7a5c00", "#3d4653"],
        dark: ["#6cb6ff", "#ffa657", "#4dd4ac", "#e09fce", "#f0cf4f", "#c3cad4"],
    };
    const SHAPES = ["circle", "rectRot", "triangle", "rect", "star", "crossRot"];
    const DASHES = [[], [8, 3], [2, 3], [10, 3, 2, 3], [4, 4], [1, 4]];
    const X = 0, Y = 1, LOW = 2, HIGH = 3, LABEL = 4; // places in a point
    const charts = [];

    const isDark = () => document.documentElement.classList.contains("dark");
    const theme = () => (isDark()
        ? { colours: COLOURS.dark, text: "#d1d5db", grid: "#374151", ground: "#111827" }
        : { colours: COLOURS.light, text: "#374151", grid: "#e5e7eb", ground: "#ffffff" });

    // The fill of a series: plain for the first, then ever other hatching.
    const fill = (number, colour, ground) => {
        if (number === 0) return colour;
        const tile = document.createElement("canvas");
        tile.width = tile.height = 8;
        const pen = tile.getContext("2d");
        pen.fillStyle = ground;
        pen.fillRect(0, 0, 8, 8);
        pen.strokeStyle = pen.fillStyle = colour;
        pen.lineWidth = 2;
        const lines = [
            [[0, 8, 8, 0], [-2, 2, 2, -2], [6, 10, 10, 6]],
            [[0, 0, 8, 8], [-2, 6, 2, 10], [6, -2, 10, 2]],
            [[0, 4, 8, 4]],
            [[4, 0, 4, 8]],
            [[0, 4, 8, 4], [4, 0, 4, 8]],
        ][(number - 1) % 5];
        pen.beginPath();
        for (const [fromX, fromY, toX, toY] of lines) {
            pen.moveTo(fromX, fromY);
            pen.lineTo(toX, toY);
        }
        pen.stroke();
        return pen.createPattern(tile, "repeat");
    };

    const isNumber = (value) => typeof value === "number";
    const shown = (value) => (isNumber(value)
        ? value.toLocaleString("en-GB", { maximumSignificantDigits: 6 }) : String(value));

    const BARS = new Set(["bar", "stacked_bar", "histogram", "range"]);
    const TYPES = { line: "line", step: "line", scatter: "scatter" };

    // The names along a plot's category axis, in order of appearance; null where x is a number.
    const names = (plot) => {
        const all = plot.series.flatMap((series) => series.points.map((point) => point[X]));
        const bars = plot.kind !== "histogram" && BARS.has(plot.kind);
        if (!bars && all.every(isNumber)) return null;
        if (plot.kind === "histogram") return null;
        return [...new Set(all.map(String))];
    };

    const middle = (point) => (point[LOW] + point[HIGH]) / 2;

    const numbers = (plot, series, categories) => {
        if (plot.kind === "histogram") return series.points.map((point) => ({ x: middle(point), y: point[Y], point }));
        if (!categories) return series.points.map((point) => ({ x: point[X], y: point[Y], point }));
        const of = new Map(series.points.map((point) => [String(point[X]), point]));
        return categories.map((name) => {
            const point = of.get(name);
            if (plot.kind !== "range") return { x: name, y: point ? point[Y] : null, point };
            const [low, high] = ends(plot, point);
            return { x: low === null ? null : [low, high], y: name, point };
        });
    };

    // Where a range's bar begins and ends; an open side reaches to the furthest number of the plot.
    const ends = (plot, point) => {
        if (!point || (point[LOW] === null && point[HIGH] === null)) return [null, null];
        const all = plot.series.flatMap((series) => series.points.flatMap((each) => [each[Y], each[LOW], each[HIGH]]))
            .concat(plot.markers.map((marker) => marker.value)).filter(isNumber);
        return [point[LOW] ?? Math.min(0, ...all), point[HIGH] ?? Math.max(0, ...all)];
    };

    const dataset = (plot, series, number, categories, look) => {
        const colour = look.colours[number % look.colours.length];
        const bars = BARS.has(plot.kind);
        // The seventh series has the first one's colour, with another dash and shape.
        const style = number + Math.floor(number / look.colours.length);
        const ground = bars ? fill(number, colour, look.ground) : colour;
        return {
            label: series.name,
            data: numbers(plot, series, categories),
            backgroundColor: ground,
            hoverBackgroundColor: ground,
            borderColor: colour,
            hoverBorderColor: colour,
            borderWidth: bars ? 1 : 2,
            borderDash: series.dashed ? [6, 4] : DASHES[style % DASHES.length],
            pointStyle: SHAPES[style % SHAPES.length],
            pointBackgroundColor: colour,
            radius: plot.kind === "scatter" ? 5 : 3,
            hoverRadius: 7,
            stepped: plot.kind === "step" ? "before" : false,
            spanGaps: false,
            clip: plot.kind === "scatter" ? 8 : undefined, // a point on the edge is drawn whole
            barPercentage: plot.kind === "histogram" ? 1 : 0.8,
            categoryPercentage: plot.kind === "histogram" ? 1 : 0.8,
            grouped: plot.kind !== "range" || plot.series.length > 1,
        };
    };

    const axis = (title, look, more, ticks = {}) => ({
        title: { display: Boolean(title), text: title, color: look.text },
        ticks: { color: look.text, ...(more.type === "category" ? {} : { callback: shown, includeBounds: false }), ...ticks },
        grid: { color: look.grid },
        border: { color: look.text },
        ...more,
    });

    // Bars stand on 0; points as well, where none lies below.
    const heights = (plot) => {
        if (plot.kind !== "scatter") return { beginAtZero: BARS.has(plot.kind) };
        const below = plot.series.some((series) => series.points.some((point) => point[Y] < 0));
        return below ? { grace: "5%" } : { min: 0 };
    };

    const axes = (plot, categories, look) => {
        const stacked = plot.kind === "stacked_bar";
        if (plot.kind === "range") {
            return {
                x: axis(plot.xLabel, look, { type: "linear", beginAtZero: false }), // where a range lies matters, not how far from 0
                y: axis(plot.yLabel, look, { type: "category", labels: categories }, { autoSkip: false }),
            };
        }
        const edges = plot.series.flatMap((series) => series.points.flatMap((point) => [point[LOW], point[HIGH]]));
        const across = plot.kind === "histogram"
            ? { type: "linear", offset: false, min: Math.min(...edges), max: Math.max(...edges) }
            : categories ? { type: "category", labels: categories, stacked } : { type: "linear" };
        return {
            x: axis(plot.xLabel, look, across),
            y: axis(plot.yLabel, look, { type: "linear", stacked, ...heights(plot) }),
        };
    };

    const told = (plot, item) => {
        const point = item.raw.point;
        if (!point) return "";
        const parts = [];
        if (plot.kind === "histogram" || plot.kind === "range") {
            parts.push(`${point[LOW] === null ? "open" : shown(point[LOW])} to ${point[HIGH] === null ? "open" : shown(point[HIGH])}`);
        } else if (isNumber(point[X])) {
            parts.push(shown(point[X]));
        }
        if (point[Y] !== null) parts.push(shown(point[Y]));
        return `${item.dataset.label}: ${parts.join(", ")}${point[LABEL] ? ` (${point[LABEL]})` : ""}`;
    };

    // Lines across the plot, and the marked number of each range.
    const marks = (plot) => ({
        id: "marks",
        beforeLayout(chart) {
            chart.options.layout.padding = { top: plot.markers.length ? 18 : 4, right: 12 };
        },
        afterDatasetsDraw(chart) {
            const look = theme();
            const pen = chart.ctx;
            pen.save();
            pen.strokeStyle = pen.fillStyle = look.text;
            pen.font = "12px Inter, sans-serif";
            if (plot.kind === "range") diamonds(chart, pen, look);
            const level = plot.kind === "bar" || plot.kind === "stacked_bar";
            for (const marker of plot.markers) line(chart, pen, marker, level, look);
            pen.restore();
        },
    });

    const line = (chart, pen, marker, level, look) => {
        const { left, right, top, bottom } = chart.chartArea;
        const at = chart.scales[level ? "y" : "x"].getPixelForValue(
            level || isNumber(marker.value) ? marker.value : chart.scales.x.getLabels().indexOf(marker.value));
        if (Number.isNaN(at)) return;
        pen.setLineDash([6, 4]);
        pen.lineWidth = 1.5;
        pen.beginPath();
        pen.moveTo(level ? left : at, level ? at : top);
        pen.lineTo(level ? right : at, level ? at : bottom);
        pen.stroke();
        const nearEnd = !level && at > (left + right) / 2;
        pen.textAlign = level || nearEnd ? "right" : "left";
        const place = [marker.label, level ? right : at, level ? at - 4 : top - 5];
        pen.setLineDash([]);
        pen.lineWidth = 4;
        pen.strokeStyle = look.ground; // a halo, where the words lie on a bar
        pen.strokeText(...place);
        pen.strokeStyle = look.text;
        pen.fillText(...place);
    };

    const diamonds = (chart, pen, look) => {
        chart.data.datasets.forEach((shownSet, number) => {
            chart.getDatasetMeta(number).data.forEach((bar, index) => {
                const point = shownSet.data[index].point;
                if (!point || point[Y] === null || !chart.isDatasetVisible(number)) return;
                const across = chart.scales.x.getPixelForValue(point[Y]);
                const down = Number.isFinite(bar.y) ? bar.y : chart.scales.y.getPixelForValue(index);
                pen.setLineDash([]);
                pen.fillStyle = look.text;
                pen.strokeStyle = look.ground;
                pen.lineWidth = 2;
                pen.beginPath();
                pen.moveTo(across, down - 8);
                pen.lineTo(across + 7, down);
                pen.lineTo(across, down + 8);
                pen.lineTo(across - 7, down);
                pen.closePath();
                pen.fill();
                pen.stroke();
            });
        });
    };

    const ROW = 26, AROUND = 90; // pixels of a row that can be read, and of what stands around the rows

    const draw = (canvas) => {
        const plot = JSON.parse(canvas.dataset.plot);
        const look = theme();
        const categories = names(plot);
        if (plot.kind === "range") canvas.parentElement.style.minHeight = `${categories.length * ROW + AROUND}px`;
        const chart = new Chart(canvas, {
            type: TYPES[plot.kind] ?? "bar",
            data: { datasets: plot.series.map((series, number) => dataset(plot, series, number, categories, look)) },
            options: {
                animation: false,
                responsive: true,
                maintainAspectRatio: false,
                indexAxis: plot.kind === "range" ? "y" : "x",
                interaction: { mode: "nearest", intersect: false },
                layout: { padding: {} },
                scales: axes(plot, categories, look),
                plugins: {
                    legend: {
                        display: plot.series.length > 1,
                        position: "bottom",
                        labels: { color: look.text, usePointStyle: !BARS.has(plot.kind) },
                    },
                    tooltip: {
                        callbacks: {
                            title: (items) => (items.length && categories ? items[0].label : ""),
                            label: (item) => told(plot, item),
                        },
                    },
                },
            },
            plugins: [marks(plot)],
        });
        canvas.dataset.drawn = "yes";
        charts.push(chart);
    };

    const redraw = () => {
        const canvases = charts.map((chart) => chart.canvas);
        charts.splice(0).forEach((chart) => chart.destroy());
        canvases.forEach(draw);
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("canvas.desk-plot").forEach(draw);
        let dark = isDark();
        new MutationObserver(() => {
            if (isDark() === dark) return;
            dark = isDark();
            redraw();
        }).observe(document.documentElement, { attributeFilter: ["class"] });
    });
})();
