import { makeLabCertificates } from '@doublehop/pki/lab'

/** doublehop certs DIR */
export function certs(dir: string): void {
  const { made, kept } = makeLabCertificates(dir)
  for (const file of made) process.stdout.write(`made  ${dir}/${file}\n`)
  for (const file of kept) process.stdout.write(`kept  ${dir}/${file}\n`)
}
