// The protocol's own client: writes through its idempotent producer, reads live, prints what it read.
// usage: node durable_streams.client.mjs WRITE-URL READ-URL COUNT long-poll|sse
import { DurableStream, IdempotentProducer, stream } from "@durable-streams/client";

const [writeUrl, readUrl, count, live] = process.argv.slice(2);
const handle = await DurableStream.create({ url: writeUrl, contentType: "application/json" });
const producer = new IdempotentProducer(handle, "words", { autoClaim: true });

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seen = [];

// As its documentation has it: whoever reads keeps the offset, and goes on from there.
async function read() {
  let offset = "-1";
  while (seen.length < Number(count)) {
    try {
      const response = await stream({ url: readUrl, offset, live, json: true });
      response.subscribeJson(async (batch) => {
        seen.push(...batch.items);
        offset = batch.offset;
        if (seen.length >= Number(count)) response.cancel();
      });
      await response.closed;
    } catch {
      await pause(20);
    }
  }
}

const reading = read();
for (let n = 0; n < Number(count); n += 1) {
  producer.append(JSON.stringify({ n }));
  if (n % 10 === 9) {
    await producer.flush();
    await pause(50);
  }
}
await producer.flush();
await producer.close();
await reading;
process.stdout.write(JSON.stringify(seen.map(({ n }) => n)));
process.exit(0);
