// Reads /v1 with the token in a header: single answers, and the live stream, resumed from its last id.
// EventSource cannot send an Authorization header, so the stream is read with fetch.

export class Refused extends Error {
  constructor(status, detail) { super(detail); this.status = status; }
}

export async function get(token, path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...options.headers };
  const answer = await fetch(path, { ...options, headers });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, problem.detail || answer.statusText);
  }
  return answer;
}

export const json = async (token, path, options) => (await get(token, path, options)).json();

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Calls take(type, data) for each event and told(isConnected) when the connection comes and goes; never ends.
export async function follow(token, take, told) {
  let last = "";
  let wait = 2000;
  for (;;) {
    try {
      const answer = await get(token, "/v1/events", { headers: last ? { "Last-Event-ID": last } : {} });
      told(true);
      for await (const frame of frames(answer.body)) {
        if (frame.retry) wait = Number(frame.retry);
        if (frame.id) last = frame.id;
        if (frame.event) take(frame.event, JSON.parse(frame.data));
      }
    } catch (error) {
      if (error.status === 401 || error.status === 403) throw error;
    }
    told(false);
    await pause(wait * (0.75 + Math.random() / 2));
  }
}

async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) yield fields(part);
  }
}

function fields(part) {
  const found = {};
  for (const line of part.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) found[line.slice(0, at)] = line.slice(at + 2);
  }
  return found;
}
