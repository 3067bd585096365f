/** Two tools and the scopes that each requires. Notes belong to a user. */

import * as z from 'zod/mini'

export type Notes = Pick<KVNamespace, 'get' | 'put'>

export const READ = 'notes:read'
export const WRITE = 'notes:write'

export type Tool = Readonly<{
  /** The description of the tool in `tools/list`. */
  description: string
  inputSchema: object
  /** All scopes that a call needs. A client that lacks one requests all of them together. */
  scopes: readonly string[]
  /** Returns the text for the model. Throws a ZodError for bad arguments. */
  call: (notes: Notes, userId: string, given: unknown) => Promise<string>
}>

const NewNote = z.object({ text: z.string().check(z.minLength(1), z.maxLength(1000)) })

const notesOf = async (notes: Notes, userId: string) =>
  (await notes.get<string[]>(userId, 'json')) ?? []

export const TOOLS: ReadonlyMap<string, Tool> = new Map([
  [
    'list_notes',
    {
      description: 'Lists your notes.',
      inputSchema: { type: 'object' },
      scopes: [READ],
      call: async (notes, userId) =>
        (await notesOf(notes, userId)).join('\n') || 'There are no notes.',
    },
  ],
  [
    'add_note',
    {
      description: 'Adds a note.',
      inputSchema: z.toJSONSchema(NewNote),
      scopes: [READ, WRITE],
      // Concurrent calls may lose a note. A real service writes to a database.
      call: async (notes, userId, given) => {
        const { text } = NewNote.parse(given)
        await notes.put(userId, JSON.stringify([...(await notesOf(notes, userId)), text]))
        return 'The note is added.'
      },
    },
  ],
])
