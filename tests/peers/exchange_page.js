// Run one exchange with a browser's WebSocket. This stands behind exchange_steps.mjs in a script of
// WebDriver (execute/async): the arguments are the text of the exchange and the URL of the server, and it
// returns what went wrong, or null.

class Client {
  constructor(url) {
    this.inbox = new Inbox();
    this.socket = new WebSocket(url);
    this.opened = new Promise((done, reject) => {
      this.socket.onopen = () => done(101);
      // That is all that a page learns.
      this.socket.onerror = () => reject(new Mismatch("the connection failed"));
    });
    this.socket.onmessage = ({ data }) => this.inbox.push({ text: data });
    this.socket.onclose = ({ code, reason }) => this.inbox.push({ code, reason });
  }

  send(message) { this.socket.send(message); }

  close(code, reason) { this.socket.close(code, reason); }

  // A page cannot end a connection without a Close.
  drop() { this.socket.close(); }
}

const [section, base, done] = arguments;
const [{ steps }] = exchanges(section);
new Exchange((target) => new Client(base + target)).run(steps).then(() => done(null), (error) => done(error.message));
