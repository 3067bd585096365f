/** The hosts of this very machine, as a URL spells them: the only ones where plain http will do. */

export const LOOPBACK_HOSTS: readonly string[] = ['127.0.0.1', '[::1]', 'localhost']
