/** Objects that are made many times over, of which each needs a few of many parts. */

type Recipes<Parts, From> = Readonly<{
  [Name in keyof Parts]: (from: From, whole: Parts) => Parts[Name]
}>

/** Makes objects with all that `lasting` has and with the parts, each made `from` the same, when it is first asked for. */
export function lazily<Lasting extends object, Parts extends object, From>(
  lasting: Lasting,
  recipes: Recipes<Parts, From>,
): (from: From) => Readonly<Lasting & Parts> {
  class Lazy {
    readonly #from: From
    readonly #made: Partial<Parts> = {}
    constructor(from: From) {
      this.#from = from
    }
    static {
      Object.assign(Lazy.prototype, lasting)
      for (const name of Object.keys(recipes) as (keyof Parts)[]) {
        Object.defineProperty(Lazy.prototype, name, {
          get(this: Lazy) {
            this.#made[name] ??= recipes[name](this.#from, this as unknown as Parts)
            return this.#made[name]
          },
        })
      }
    }
  }
  return (from) => new Lazy(from) as unknown as Readonly<Lasting & Parts>
}
