import { createServer } from "node:http";
import { brotliDecompressSync } from "node:zlib";
import { handle } from "./plugin.js";

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

const server = createServer(async (request, response) => {
  try {
    const input = await readJson(request);
    const payload = JSON.parse(brotliDecompressSync(Buffer.from(input.eventPayload, "base64")).toString("utf8"));
    const output = handle(input.eventName, payload, JSON.parse(input.settings));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ stateId: input.stateId, output }));
  } catch (error) {
    response.writeHead(500, { "content-type": "text/plain" });
    response.end(error.stack.replaceAll(new URL("..", import.meta.url).href, ""));
  }
});

server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  console.log(`listening on ${server.address().port}`);
});
