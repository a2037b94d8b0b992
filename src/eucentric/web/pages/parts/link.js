// The link to the server: the newest of everything, as it comes, and calls to the API.
// The token comes behind the # of the address; it is kept for this tab, so that a reload needs it no more.

const TOKEN = "eucentric-token", CLIENT = "eucentric-client";
const RETRY_MS = [300, 700, 1500, 3000];
const PING_MS = 3000, SILENT_MS = 8000; // a server that says nothing for so long after it was asked is not there

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (b) => b.toString(16).padStart(2, "0")).join("");
}

// The token behind the # is taken into the tab, and out of the address. Whether there was one.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return false;
  sessionStorage.setItem(TOKEN, given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const packet = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  packet.planes = packet.planes.map(([ny, nx]) => {
    const plane = { ny, nx, pixels: new Uint8Array(buffer, at, ny * nx) };
    at += ny * nx;
    return plane;
  });
  return packet;
}

// What was refused, in a sentence; `field` is that of the form which stands in the way.
export class Refused extends Error {
  constructor(sentence, field = "") {
    super(sentence);
    this.field = field;
  }
}

// The newest of each kind, told as it changes. What shows pictures has one: the link, or a stored measurement.
export class Source extends EventTarget {
  newest = new Map();

  put(kind, body) {
    this.newest.set(kind, body);
    this.dispatchEvent(new Event(kind));
  }

  // Call `act` with the newest of a kind, now and whenever it changes.
  on(kind, act) {
    this.addEventListener(kind, () => act(this.newest.get(kind)));
    if (this.newest.has(kind)) act(this.newest.get(kind));
  }

  // What `who` looks at, of what is made only where somebody looks.
  want() {}
}

class Link extends Source {
  constructor() {
    super();
    takeToken();
    this.token = sessionStorage.getItem(TOKEN);
    this.client = sessionStorage.getItem(CLIENT) || random();
    sessionStorage.setItem(CLIENT, this.client);
    this.name = `Browser ${this.client.slice(0, 4).toUpperCase()}`;
    this.state = "connecting"; // connected, lost, refused
    this.shown = {}; // pictures since the page was loaded, by kind
    this._wants = new Map();
    this._tries = 0;
    document.addEventListener("visibilitychange", () => this._tellWants());
  }

  start() {
    if (!this.token) return this._become("refused");
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/stream`);
    this._asked = Date.now(); // an answer has been waited for since then; null: none is
    this._pulse ??= setInterval(() => this._ping(), PING_MS);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      socket.send(JSON.stringify({ token: this.token, client: this.client }));
      this._tellWants();
    };
    socket.onmessage = (event) => {
      if (this.state !== "connected") this._become("connected"); // who speaks has taken the token
      this._tries = 0;
      this._asked = null;
      this._take(event.data);
    };
    socket.onclose = (event) => {
      if (event.code === 4401) return this._refuse();
      this._lost();
    };
    this._socket = socket;
  }

  _lost() {
    this._asked = null;
    this._become("lost");
    setTimeout(() => this.start(), RETRY_MS[Math.min(this._tries++, RETRY_MS.length - 1)]);
  }

  // A connection that died in silence (a lid, a wireless network) closes nothing: the server is asked whether it is there.
  // After a sleep of this page itself, its answer may be here and not yet be read: then it is asked once more.
  _ping() {
    const socket = this._socket, now = Date.now(), slept = now - (this._pinged ?? now) > 2 * PING_MS;
    this._pinged = now;
    if (slept && this._asked !== null) this._asked = now;
    if (this._asked !== null && now - this._asked > SILENT_MS) {
      socket.onopen = socket.onmessage = socket.onclose = null; // whatever may still come of it is too late
      socket.close();
      this._lost();
    } else if (socket.readyState === WebSocket.OPEN) {
      this._asked ??= now;
      socket.send('{"ping": true}');
    }
  }

  // An address with another token was pasted into this tab, as after a restart of the server: the page begins anew with it.
  readdress() {
    if (!takeToken()) return;
    if (this.state !== "connected" || sessionStorage.getItem(TOKEN) !== this.token) location.reload();
  }

  // A token that is refused is of a server that is gone: it is forgotten.
  _refuse() {
    sessionStorage.removeItem(TOKEN);
    this.token = null;
    this._become("refused");
  }

  // What `who` looks at, of what the server makes only where somebody looks.
  want(who, kinds) {
    this._wants.set(who, kinds);
    this._tellWants();
  }

  async call(method, path, body) {
    const headers = { Authorization: `Bearer ${this.token}`, "X-Eucentric-Client": this.client, "X-Eucentric-Name": this.name };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(`/api${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new Refused("The server does not answer.");
    }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(told.sentence || `The server answered ${answer.status}.`, told.field);
    return told;
  }

  // A picture that is asked for.
  async picture(path) {
    const answer = await fetch(`/api${path}`, { headers: { Authorization: `Bearer ${this.token}` } });
    if (!answer.ok) throw new Refused((await answer.json().catch(() => ({}))).sentence || `The server answered ${answer.status}.`);
    return unpack(await answer.arrayBuffer());
  }

  _take(data) {
    const picture = data instanceof ArrayBuffer;
    const told = picture ? unpack(data) : JSON.parse(data);
    if (told.kind === "pong") return;
    this.put(told.kind, picture ? told : told.body);
    if (!picture) return;
    requestAnimationFrame(() => {
      this.shown[told.kind] = (this.shown[told.kind] ?? 0) + 1;
      if (this._socket.readyState === WebSocket.OPEN) this._socket.send('{"shown": true}');
    });
  }

  _tellWants() {
    if (this._socket?.readyState !== WebSocket.OPEN) return;
    const wants = document.hidden ? [] : [...this._wants.values()].flat(); // in a tab that is not seen nobody looks
    this._socket.send(JSON.stringify({ wants: [...new Set(wants)] }));
  }

  _become(state) {
    this.state = state;
    this.dispatchEvent(new Event("link"));
  }
}

export const link = new Link();

// Say a sentence at the foot of the page. Tones: good, care, bad.
export function say(text, tone = "") {
  document.dispatchEvent(new CustomEvent("eu-say", { detail: { text, tone } }));
}

// Call the API for a button: what it says, and what was refused, is said on the page. Whether it was done.
export async function ask(method, path, body) {
  try {
    const told = await link.call(method, path, body);
    if (told?.sentence) say(told.sentence, "good");
    return told ?? true;
  } catch (error) {
    say(error.message, "bad");
    return null;
  }
}
