// A bot named "node" with the commands /reverse, /slow and /fail, written from
// PROTOCOL.md alone.
//
//	AMQP_URL=amqp://… node bot.js
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import amqp from "amqplib";

const url = process.env.AMQP_URL;
const prefix = process.env.PREFIX ?? "gochat.";
const declare = process.env.DECLARE ?? "all"; // or "queues", or "no": an operator has made the rest
const bot = "node";
const instance = randomBytes(8).toString("hex");
const since = Date.now();
const ttl = 30_000;
const concurrency = 8;
const maxAttempts = 4;

const commands = {
  reverse: {
    spec: { name: "reverse", summary: "Says it backwards", usage: "/reverse <text>", args: [{ name: "text", type: "string", required: true, rest: true }] },
    run: (call) => {
      if (!call.args) return { error: { code: "usage", message: "text is missing. Usage: /reverse <text>" } };
      return { parts: [{ text: [...call.args].reverse().join("") }, { text: `for ${call.user.name} in ${call.room.name}`, ephemeral: true }] };
    },
  },
  slow: {
    spec: { name: "slow", summary: "Takes a while, and says so", timeout_ms: 20_000 },
    run: async (call) => {
      call.progress("still at it");
      await sleep(400);
      return { parts: [{ text: "done" }] };
    },
  },
  fail: {
    spec: { name: "fail", summary: "Fails" },
    run: () => {
      throw new Error("a bug");
    },
  },
};

// publisher publishes with confirms, and knows what was returned.
function publisher(channel) {
  const returned = new Set();
  channel.on("return", (m) => returned.add(m.properties.messageId));
  return (exchange, key, body, options) =>
    new Promise((resolve, reject) => {
      const messageId = randomBytes(8).toString("hex");
      channel.publish(exchange, key, body, { ...options, messageId }, (err) => {
        if (err) reject(err);
        else resolve(returned.delete(messageId) ? "returned" : "taken");
      });
    });
}

function announcer(publish) {
  const headers = { bot, instance };
  const body = JSON.stringify({ v: 1, commands: Object.values(commands).map((c) => c.spec) });
  let last = 0;
  return {
    announce: async (asked = false) => {
      if (asked && Date.now() - last < 200) return;
      last = Date.now();
      await publish(prefix + "announce", "", Buffer.from(body), {
        type: "gochat.announce.v1", contentType: "application/json", headers: { ...headers, since, ttl_ms: ttl },
      });
    },
    leave: () => publish(prefix + "announce", "", Buffer.alloc(0), { type: "gochat.leave.v1", contentType: "application/json", headers }),
  };
}

function progressEvent(id, n, text) {
  const key = Buffer.from("progress:" + id);
  const body = Buffer.from(JSON.stringify({ v: 1, id, n, text }));
  const head = Buffer.alloc(2);
  head.writeUInt16BE(key.length);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  return Buffer.concat([head, key, size, body]);
}

// handle answers one request and settles it.
async function handle(channel, publish, name, m) {
  const p = m.properties;
  let call;
  try {
    call = JSON.parse(m.content.toString());
    if (p.type !== "gochat.command.v1" || call.v !== 1 || call.name !== name || !p.correlationId || !p.replyTo) throw new Error("foreign");
  } catch {
    return channel.reject(m, false);
  }
  const attempt = (p.headers["x-delivery-count"] ?? 0) + 1;
  if (attempt > maxAttempts) return channel.reject(m, false);

  let n = 0;
  call.progress = (text) =>
    publish(prefix + "events", p.replyTo, progressEvent(p.correlationId, ++n, text), { type: "gochat.events.v1" }).catch(() => {});
  let result;
  try {
    result = await commands[name].run(call);
  } catch (err) {
    console.error(`/${name}:`, err.message);
    result = { error: { code: "bot_error", message: "The bot failed." } };
  }
  try {
    await publish(prefix + "results", p.replyTo, Buffer.from(JSON.stringify({ v: 1, ...result })), {
      type: "gochat.result.v1", contentType: "application/json", persistent: true, mandatory: true,
      correlationId: p.correlationId, appId: bot,
    });
    channel.ack(m); // also when nobody is there to get it
  } catch {
    await sleep(Math.random() * 200);
    channel.reject(m, attempt < maxAttempts);
  }
}

// serve works until the connections break, or the process is to end.
async function serve(stop) {
  const links = [];
  try {
    for (const _ of ["publish", "consume"]) links.push(await amqp.connect(url, { clientProperties: { connection_name: "nodebot" } }));
    const [pub, sub] = links;
    const broken = new Promise((resolve) => links.forEach((l) => l.on("error", () => {}).on("close", resolve)));
    const out = await pub.createConfirmChannel();
    const publish = publisher(out.on("error", () => {}));
    const ch = (await sub.createChannel()).on("error", () => {});

    for (const [name, type] of [["commands", "direct"], ["results", "direct"], ["events", "direct"], ["announce", "fanout"], ["dead", "fanout"]]) {
      if (declare === "all") await ch.assertExchange(prefix + name, type, { durable: true });
      else await ch.checkExchange(prefix + name);
    }
    const { announce, leave } = announcer(publish);
    const hearing = await ch.assertQueue(`${prefix}node.${instance}.${randomBytes(4).toString("hex")}`, {
      durable: false, exclusive: true, autoDelete: true,
      arguments: { "x-overflow": "drop-head", "x-max-length": 10_000, "x-max-length-bytes": 33_554_432 },
    });
    await ch.bindQueue(hearing.queue, prefix + "announce", "");
    await ch.consume(hearing.queue, (m) => m?.properties.type === "gochat.who.v1" && announce(true).catch(() => {}), { noAck: true });

    await ch.prefetch(concurrency);
    const consumers = [];
    const running = new Set();
    for (const name of Object.keys(commands)) {
      const queue = `${prefix}command.${bot}.${name}`;
      if (declare !== "no") {
        await ch.assertQueue(queue, {
          durable: true,
          arguments: {
            "x-queue-type": "quorum", "x-delivery-limit": 20, "x-dead-letter-exchange": prefix + "dead",
            "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-max-length": 1024,
            "x-max-length-bytes": 67_108_864, "x-expires": 86_400_000,
          },
        });
        await ch.bindQueue(queue, prefix + "commands", `${bot}.${name}`);
      } else await ch.checkQueue(queue);
      const { consumerTag } = await ch.consume(queue, (m) => {
        if (!m) return sub.close(); // the queue is gone: begin anew
        const work = handle(ch, publish, name, m).catch(() => {}).finally(() => running.delete(work));
        running.add(work);
      });
      consumers.push(consumerTag);
    }
    await announce();
    console.log("serving");
    const again = setInterval(() => announce().catch(() => {}), ttl / 3);
    const why = await Promise.race([broken, stop]);
    clearInterval(again);
    if (why !== "stop") return;
    for (const tag of consumers) await ch.cancel(tag);
    await Promise.all(running);
    await leave();
  } finally {
    for (const l of links) await l.close().catch(() => {});
  }
}

const stop = new Promise((resolve) => ["SIGTERM", "SIGINT"].forEach((s) => process.once(s, () => resolve("stop"))));
let stopping = false;
stop.then(() => (stopping = true));
for (let pause = 100; !stopping; pause = Math.min(2 * pause, 10_000)) {
  const began = Date.now();
  await serve(stop).catch((err) => console.error("connection:", err.message));
  if (Date.now() - began > 5_000) pause = 50;
  if (!stopping) await Promise.race([sleep(Math.random() * pause), stop]);
}
