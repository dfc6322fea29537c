// Signs and verifies requests with the official SDK: node sdk.mjs DIRECTORY < requests.json
// DIRECTORY is where the SDK is installed. Standard input is {key, publicKey, sign: [...], verify: [...]}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const { PluginInput, verifySignature } = createRequire(join(resolve(process.argv[2]), "package.json"))("@ubiquity-os/plugin-sdk/signature");
const asked = JSON.parse(readFileSync(0, "utf8"));
const signed = [];
for (const r of asked.sign) {
  const input = new PluginInput(asked.key, r.stateId, r.eventName, r.eventPayload, r.settings, r.authToken, r.ref, r.command, r.kernelToken);
  signed.push(JSON.stringify(await input.getInputs()));
}
const verified = [];
for (const body of asked.verify) {
  const inputs = JSON.parse(body);
  verified.push(await verifySignature(asked.publicKey, inputs, inputs.signature));
}
process.stdout.write(JSON.stringify({ signed, verified }));
