// A plugin's worker that does nothing but verify the kernel's signature, with the official SDK: the peer of our door
// in the benchmark. It keeps nothing, so it is as fast as a worker can be.
import { createServer } from "node:http";
import { verifySignature } from "@ubiquity-os/plugin-sdk/signature";

const key = process.env.KERNEL_PUBLIC_KEY;

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    let status = 400;
    let answer = { error: "bad signature" };
    const inputs = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (await verifySignature(key, inputs, inputs.signature)) {
      status = 200;
      answer = { stateId: inputs.stateId, output: {} };
    }
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
