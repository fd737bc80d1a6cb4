// The whole run in 36 pixels: one line a span, coloured by how it went.
const HEIGHT = 36;

function palette() {
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("canvas").getContext("2d");
  const dark = style.colorScheme === "dark" || (style.colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const of = (name) => {
    const pair = style.getPropertyValue(name).match(/#[0-9a-f]{6}/gi) ?? ["#888888"];
    probe.fillStyle = pair[dark ? 1 : 0] ?? pair[0];
    return probe.fillStyle;
  };
  const names = ["running", "completed", "failed", "retrying", "waiting", "cancelled", "timed-out"];
  const colors = Object.fromEntries(names.map((name) => [name, of(`--${name}`)]));
  return { ...colors, stuck: colors.failed, terminated: colors.cancelled, continued: colors.cancelled, paused: colors.waiting };
}

export function drawMinimap(canvas, spans, from, to) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  if (!width) return;
  canvas.width = width * scale;
  canvas.height = HEIGHT * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const colors = palette();
  const perMs = width / Math.max(1, to - from);
  const pitch = Math.min(4, (HEIGHT - 6) / spans.length);
  const thick = Math.max(1, Math.min(3, pitch - 0.5));
  // Failures last, so that none is painted over.
  for (const failed of [false, true]) {
    for (let i = 0; i < spans.length; i++) {
      if (spans.isFailure(i) !== failed) continue;
      pen.fillStyle = colors[spans.states[i]] ?? colors.running;
      const x = (spans.starts[i] - from) * perMs;
      pen.fillRect(x, Math.round(3 + i * pitch), Math.max(1.5, (spans.end(i) - spans.starts[i]) * perMs), thick);
    }
  }
}
