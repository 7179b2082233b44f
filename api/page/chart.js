// The candle chart of one symbol: bars from history, the last one moved by marks, fills as markers, orders as lines.

import { amount, element, fill } from "/page/tables.js";

const MARKERS_MAX = 200;
const SECONDS = { "1s": 1, "5s": 5, "1m": 60, "5m": 300, "1h": 3600 };

// Loaded with the first chart: the page must answer before it is there.
const load = () => import("/page/lightweight-charts.js").catch(() => null);

export class Chart {
  static async open(node) { return new Chart(node, await load()); }

  constructor(node, library) {
    this.node = node;
    this.bars = [];
    this.lines = [];
    if (!library) return;
    this.chart = library.createChart(node, { autoSize: true, layout: { attributionLogo: false }, timeScale: { timeVisible: true, secondsVisible: true } });
    this.series = this.chart.addSeries(library.CandlestickSeries);
    this.markers = library.createSeriesMarkers(this.series, []);
    this.paint();
  }

  // The colours of the page's palette, read anew when the theme changes.
  paint() {
    if (!this.chart) return;
    const style = getComputedStyle(document.documentElement);
    const [ink, line, up, down] = ["--quiet", "--line", "--up", "--down"].map((name) => style.getPropertyValue(name).trim());
    this.colours = { up, down, ink };
    this.chart.applyOptions({ layout: { background: { color: "transparent" }, textColor: ink }, grid: { vertLines: { color: line }, horzLines: { color: line } } });
    this.series.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
  }

  show(bars, interval) {
    this.width = SECONDS[interval];
    this.bars = bars.map((bar) => ({ time: bar.time, open: +bar.open, high: +bar.high, low: +bar.low, close: +bar.close }));
    if (!this.chart) return this.table();
    const places = Math.max(0, ...bars.slice(-5).map((bar) => (bar.close.split(".")[1] || "").length));
    this.series.applyOptions({ priceFormat: { type: "price", precision: places, minMove: 10 ** -places } });
    this.series.setData(this.bars);
    this.chart.timeScale().fitContent();
  }

  mark(mark) {
    const price = Number(mark.last || mark.mid);
    if (!price || !this.width) return;
    const time = Math.floor(Date.parse(mark.time) / 1000 / this.width) * this.width;
    const last = this.bars.at(-1);
    if (last && time < last.time) return;
    const bar = last && last.time === time ? last : { time, open: price, high: price, low: price };
    Object.assign(bar, { high: Math.max(bar.high, price), low: Math.min(bar.low, price), close: price });
    if (bar !== last) this.bars.push(bar);
    if (this.bars.length > 2000) this.bars.splice(0, 1000);
    if (this.chart) this.series.update(bar);
  }

  fills(fills) {
    if (!this.chart || !this.bars.length) return;
    const first = this.bars[0].time;
    const shown = fills.length > 8 ? () => "" : (fill) => `${fill.side} ${amount(fill.qty)}`;
    const marks = fills.map((fill) => ({ fill, time: Math.floor(Date.parse(fill.time) / 1000 / this.width) * this.width }))
      .filter(({ time }) => time >= first).slice(-MARKERS_MAX).sort((a, b) => a.time - b.time)
      .map(({ fill, time }) => fill.side === "buy"
        ? { time, position: "belowBar", shape: "arrowUp", color: this.colours.up, text: shown(fill) }
        : { time, position: "aboveBar", shape: "arrowDown", color: this.colours.down, text: shown(fill) });
    this.markers.setMarkers(marks);
  }

  // Dashed: the quote; solid: open orders.
  prices(mark, orders) {
    if (!this.chart) return;
    for (const line of this.lines) this.series.removePriceLine(line);
    const lines = [["bid", mark?.bid, this.colours.up], ["ask", mark?.ask, this.colours.down]]
      .filter(([, price]) => price).map(([title, price, color]) => ({ price: +price, title, color, lineStyle: 2, lineWidth: 1 }));
    for (const order of orders) {
      const price = order.price || order.stop_price;
      if (price) lines.push({ price: +price, title: `${order.side} ${amount(order.remaining)}`, color: order.side === "buy" ? this.colours.up : this.colours.down, lineStyle: 0, lineWidth: 1 });
    }
    this.lines = lines.map((line) => this.series.createPriceLine({ axisLabelVisible: true, ...line }));
  }

  table() {
    const told = element("p", { className: "quiet" }, "The chart library is not installed (make page); here are the bars.");
    const table = element("table");
    const columns = ["time", "open", "high", "low", "close"].map((name) => [name, (bar) => (name === "time" ? new Date(bar.time * 1000).toISOString().slice(0, 19) : amount(bar[name])), "number"]);
    fill(table, columns, this.bars.slice(-12).reverse());
    this.node.replaceChildren(told, table);
  }
}
