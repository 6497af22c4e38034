// Marque's issuer, holder and verifier: one line of JSON in, one out.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class Marque {
  constructor(program) {
    this.child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async ask(question) {
    this.child.stdin.write(`${JSON.stringify({ now: Math.floor(Date.now() / 1000), ...question })}\n`);
    const { value, done } = await this.answers.next();
    if (done) throw new Error("Marque has ended");
    return JSON.parse(value);
  }

  // The answer, which must be one.
  async done(question) {
    const answer = await this.ask(question);
    if (answer.refused !== undefined) throw new Error(`${question.do} ${question.format}: ${answer.refused}`);
    return answer;
  }

  end() {
    this.child.stdin.end();
  }
}
