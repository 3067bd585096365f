/** A self-signed certificate for 127.0.0.1. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** `file` is the path of the certificate, for programs that should trust it. */
export function newCertificate(folder: string) {
  const [keyFile, file] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const words = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', keyFile, '-out', file],
  ]
  execFileSync('openssl', words, { stdio: 'ignore' })
  return { key: readFileSync(keyFile), cert: readFileSync(file), file }
}
