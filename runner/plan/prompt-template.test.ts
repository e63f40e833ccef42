import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileTemplate, distinctColumns, renderPrompt } from './prompt-template.ts'

const column = (template: string): unknown => compileTemplate(template).columns[0]

describe('a prompt template', () => {
  it.each([
    ['{{title}}', ['title'], 'text'],
    ['{{ title }}', ['title'], 'text'],
    ['{{a.b.c}}', ['a', 'b', 'c'], 'text'],
    ['{{json tags}}', ['tags'], 'json'],
    ['{{ json  a.b }}', ['a', 'b'], 'json'],
    ['{{json}}', ['json'], 'text'],
    ['{{json.a}}', ['json', 'a'], 'text'],
    ['{{jsonish}}', ['jsonish'], 'text'],
    ['{{first name}}', ['first name'], 'text'],
    ['{{Größe 😀}}', ['Größe 😀'], 'text'],
    ['{{`unit.price`}}', ['unit.price'], 'text'],
    ['{{a.`unit.price`.b}}', ['a', 'unit.price', 'b'], 'text'],
    ['{{`json x`}}', ['json x'], 'text'],
    ['{{json `json x`}}', ['json x'], 'json'],
    ['{{# of units}}', ['# of units'], 'text'],
    ['{{`#if x`}}', ['#if x'], 'text'],
    ['{{` {x} `}}', [' {x} '], 'text'],
    ['{{`a}}b`}}', ['a}}b'], 'text'],
  ])('%s names the column %j as %s', (template, path, render) => {
    expect(column(template)).toEqual({ path, render })
    expect(compileTemplate(`x ${template} y`).texts).toEqual(['x ', ' y'])
  })

  it.each([
    ['Hello {{title', '"{{" at character 7 and no "}}" after it'],
    ['{{}}', '"{{}}" at character 1, which is not'],
    ['{{a}} {{ }}', '"{{ }}" at character 7, which is not'],
    ['{{a..b}}', '"{{a..b}}" at character 1'],
    ['{{.a}}', 'at character 1'],
    ['{{a.}}', 'at character 1'],
    ['{{{a}}}', 'at character 1'],
    ['{{`a}}', 'at character 1'],
    ['{{a`b`}}', 'at character 1'],
    ['{{# a}}{{`}}', 'at character 8'],
    ['{{a}}{{#if b}}x{{/if}}', '"{{#if b}}" at character 6: there are no conditions'],
    ['No column', 'names no column'],
    ['', 'names no column'],
    ['{title}', 'names no column, so every row would ask the same; for {title} write {{title}}'],
    ['Name ${ a.b }', 'for ${ a.b } write {{a.b}}'],
    ['Name <title>', 'for <title> write {{title}}'],
  ])('%j is refused, naming the place', (template, words) => {
    expect(() => compileTemplate(template)).toThrowError(expect.objectContaining({ code: 'InvalidTemplate', message: expect.stringContaining(words) }))
  })

  it('reads each column once, however often it is named', () => {
    const template = compileTemplate('{{a}} {{b}} {{a}} {{json a}} {{`a`}} {{a.b}} {{`a.b`}}')
    const { columns, slots } = distinctColumns(template)
    expect(columns).toEqual([
      { path: ['a'], render: 'text' },
      { path: ['b'], render: 'text' },
      { path: ['a'], render: 'json' },
      { path: ['a', 'b'], render: 'text' },
      { path: ['a.b'], render: 'text' },
    ])
    expect(slots).toEqual([0, 1, 0, 2, 0, 3, 4])
  })

  it('writes a null as nothing, or as null with json', () => {
    expect(renderPrompt(compileTemplate('<{{a}}|{{json a}}>'), () => null)).toBe('<|null>')
  })

  it('puts values in as they are: what looks like a place in a value is text', () => {
    expect(renderPrompt(compileTemplate('{{a}}{{b}}'), (place) => (place === 0 ? '{{b}} $1 $&' : '\\'))).toBe('{{b}} $1 $&\\')
  })

  it('renders as replacing each place by its value does', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((each) => !each.includes('{') && !each.includes('}'))
    const place = fc.record({ text, name: fc.constantFrom('a', 'b', 'x.y', 'long name'), json: fc.boolean(), value: fc.option(fc.string({ unit: 'grapheme' })) })
    fc.assert(
      fc.property(fc.array(place, { minLength: 1 }), text, (places, last) => {
        const template = compileTemplate(places.map((each) => `${each.text}{{${each.json ? 'json ' : ''}${each.name}}}`).join('') + last)
        const expected = places.map((each) => each.text + (each.value ?? (each.json ? 'null' : ''))).join('') + last
        expect(renderPrompt(template, (i) => places[i]?.value ?? null)).toBe(expected)
        expect(template.columns.map((each) => each.path.join('.'))).toEqual(places.map((each) => each.name))
      }),
    )
  })
})
