/** `doctor` on a healthy registry. doctor-failures.long.test.ts tests its findings on faults. */

import { describe, expect, it } from 'vitest'
import { commandLine, dump } from './command-line.ts'
import {
  CHECKS,
  db,
  doctor,
  epochSeconds,
  IS_SECRET,
  JWT_SECRET,
  running,
} from './examined-registry.ts'

describe('a healthy registry', () => {
  it('the doctor reports a healthy registry line by line with status 0', async () => {
    const env = { STATE_DIR: running.stateDir, JWT_SECRET }
    const { status, stdout, stderr } = await commandLine(['doctor'], { env })
    expect(stderr).toBe('')
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ +/).slice(0, 2))).toEqual(
      CHECKS.map((one) => ['ok', one]),
    )
    expect(stdout).toContain(`${running.registry} serves and calls itself by that name`)
    expect(stdout).toMatch(/a revoked session is refused after \d+\.\d s; the bound is 60 s\n/)
    expect(stdout).not.toMatch(IS_SECRET)
    expect(status).toBe(0)
  })

  it('two doctors at the same time leave the registry unchanged, except for the audit, revocations and counters of sign-ins', async () => {
    // The audit records what a doctor did, revocations stay, and a sign-in is counted for a day.
    const rows = async () => {
      const { housekeeping, audit, revocation, revocation_version, sign_in_failure, ...others } =
        await dump(db)
      return others
    }
    const atFirst = await rows()
    const [one, other] = await Promise.all([doctor(), doctor()])
    expect([one.failed, other.failed]).toEqual([[], []])
    expect(await rows()).toEqual(atFirst)
  })

  it('the doctor deletes the records of a killed run, but not those that a concurrent run may be using', async () => {
    const leave = (id: string, age: number) =>
      db.batch([
        db
          .prepare(
            `INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES (?1, 'n', 'o', ?2, ?2)`,
          )
          .bind(id, epochSeconds() - age),
        db
          .prepare(
            `INSERT INTO user (user_id, username, email, password_hash, created_at, updated_at)
             VALUES (?1, ?1, '', '', ?2, ?2)`,
          )
          .bind(id, epochSeconds() - age),
      ])
    for (const id of ['doctor-old', 'doctor', 'doctors', 'doctor.x']) await leave(id, 700)
    await leave('doctor-young', 60)
    expect((await doctor()).status).toBe(0)
    const ids = async (sql: string) =>
      (await db.prepare(sql).all<{ id: string }>()).results.map(({ id }) => id)
    const kept = ['doctor', 'doctor-young', 'doctor.x', 'doctors']
    expect(
      await ids(`SELECT client_id AS id FROM client WHERE client_id LIKE 'doctor%' ORDER BY 1`),
    ).toEqual(kept)
    expect(
      await ids(`SELECT user_id AS id FROM user WHERE user_id LIKE 'doctor%' ORDER BY 1`),
    ).toEqual(kept)
    await db.prepare(`DELETE FROM client WHERE client_id LIKE 'doctor%'`).run()
    await db.prepare(`DELETE FROM user WHERE user_id LIKE 'doctor%'`).run()
  })
})

it.each(['nowhere', 'ftp://127.0.0.1', 'http://authenticator.example'])(
  'the doctor refuses --authenticator %s with status 2',
  async (url) => {
    const answer = await commandLine(['doctor', '--authenticator', url], {})
    expect(answer).toEqual({
      status: 2,
      stdout: '',
      stderr: 'error: --authenticator must be an https URL, or one of this machine\n',
    })
  },
)

it("the doctor's --help describes the command and has an example", async () => {
  const { status, stdout } = await commandLine(['doctor', '--help'], {})
  expect(status).toBe(0)
  expect(stdout).toContain('Usage: npm run admin -- doctor')
  expect(stdout).toContain('Example:\n  npm run --silent admin -- doctor --remote')
})
