import Foundation
import Testing

/// A document with examples: commands, and what they print.
///
/// - In Markdown an example is a fence `sh`; if a fence `text`, `csv` or `json` follows it at once, that is what it prints. A fence
///   `console` is run too, and what it prints is not compared; a comment on the line above may tell more: `<!-- before: COMMANDS -->`
///   what is run first, `<!-- needs: PROGRAM -->` without what it is left out, and `<!-- not run: REASON -->` why it is never run.
///   Other fences (`make`, `python`, …) are not run.
/// - In a man page an example is a line of a literal display that begins with `$ `, lines that continue it begin with `> `, and
///   what it prints follows up to the next `$ `. A line of its own display (`.Dl`) that begins with a tool's name is run too.
struct Document: CustomTestStringConvertible {
  struct Example {
    var script: String
    /// nil where the document does not say.
    var output: String?
  }

  private enum Piece {
    case text(String)
    /// The lines as they stand before the output, and the example of that number.
    case example(lines: [String], number: Int)
  }

  let path: URL
  private let isManPage: Bool
  private(set) var examples: [Example] = []
  private var pieces: [Piece] = []

  var testDescription: String { path.lastPathComponent }

  /// Examples are counted from the start of the file; pieces, written one after the other, give the file again.
  init(path: URL) throws {
    self.path = path
    isManPage = path.pathExtension != "md"
    let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if isManPage { parseManPage(lines) } else { parseMarkdown(lines) }
  }

  private mutating func parseMarkdown(_ lines: [String]) {
    var i = 0
    while i < lines.count {
      if lines[i] == "```console", let end = lines[i...].firstIndex(of: "```") {
        let script = Document.script(ofConsole: lines[(i + 1)..<end], note: i > 0 ? lines[i - 1] : "")
        if let script { add(Array(lines[i...end]), Example(script: script, output: nil)) } else { pieces += lines[i...end].map(Piece.text) }
        i = end + 1
        continue
      }
      guard lines[i] == "```sh", let end = lines[i...].firstIndex(of: "```") else {
        pieces.append(.text(lines[i]))
        i += 1
        continue
      }
      let script = lines[(i + 1)..<end].joined(separator: "\n")
      let next = lines[(end + 1)...].firstIndex { !$0.isEmpty } ?? lines.count
      if next < lines.count, ["```text", "```csv", "```json"].contains(lines[next]), let last = lines[(next + 1)...].firstIndex(of: "```") {
        add(Array(lines[i...next]), Example(script: script, output: lines[(next + 1)..<last].map { $0 + "\n" }.joined()))
        i = last
      } else {
        add(Array(lines[i...end]), Example(script: script, output: nil))
        i = end + 1
      }
    }
  }

  /// What a fence `console` runs, nil for one that is not to be run.
  private static func script(ofConsole lines: ArraySlice<String>, note: String) -> String? {
    func noted(_ key: String) -> String? {
      note.hasPrefix("<!-- \(key): ") && note.hasSuffix(" -->") ? String(note.dropFirst(key.count + 7).dropLast(4)) : nil
    }
    if noted("not run") != nil { return nil }
    let isPrompted = lines.contains { $0.hasPrefix("$ ") }
    var script = lines.map { isPrompted && ($0.hasPrefix("$ ") || $0.hasPrefix("> ")) ? String($0.dropFirst(2)) : $0 }.joined(separator: "\n")
    if let before = noted("before") { script = before + "\n" + script }
    if let program = noted("needs") { script = "if command -v \(program) > /dev/null; then\n\(script)\nfi" }
    return script
  }

  private static let tools = ["qfit", "qaggregate", "qsort", "qconformal", "qscore", "qreshape", "qplot"]

  private mutating func parseManPage(_ lines: [String]) {
    var isDisplay = false
    var i = 0
    while i < lines.count {
      if lines[i].hasPrefix(".Bd -literal") { isDisplay = true }
      if lines[i] == ".Ed" { isDisplay = false }
      if lines[i].hasPrefix(".Dl "), Document.tools.contains(where: { lines[i].hasPrefix(".Dl \($0) ") }) {
        add([lines[i]], Example(script: Document.unescaped(String(lines[i].dropFirst(4))), output: nil))
        i += 1
        continue
      }
      guard isDisplay, lines[i].hasPrefix("$ ") else {
        pieces.append(.text(lines[i]))
        i += 1
        continue
      }
      var command = [lines[i]]
      while i + command.count < lines.count, lines[i + command.count].hasPrefix("> ") { command.append(lines[i + command.count]) }
      i += command.count
      var output = ""
      while i < lines.count, lines[i] != ".Ed", !lines[i].hasPrefix("$ ") {
        output += Document.unescaped(lines[i]) + "\n"
        i += 1
      }
      add(command, Example(script: command.map { Document.unescaped(String($0.dropFirst(2))) }.joined(separator: "\n"), output: output))
    }
  }

  private mutating func add(_ lines: [String], _ example: Example) {
    pieces.append(.example(lines: lines, number: examples.count))
    examples.append(example)
  }

  // MARK: Running

  struct Printed {
    var output: String
    var status: Int
  }

  /// Runs all examples, in order, in one shell and one scratch folder that holds the bundled table; messages are part of the
  /// output, as they are on a terminal.
  func run() throws -> [Printed] {
    let shell = try Shell()
    defer { shell.remove() }
    let mark = "---- end of example, status "
    let script =
      "cp -r \"$CHECKOUT\"/scripts/data/. .\nexec 2>&1\n"
      + examples.map { $0.script + "\nprintf '\\n\(mark)%d\\n' $?\n" }.joined()
    var printed: [Printed] = []
    var rest = try shell.run(script).text[...]
    while let end = rest.range(of: "\n" + mark), let newline = rest[end.upperBound...].firstIndex(of: "\n") {
      printed.append(Printed(output: String(rest[..<end.lowerBound]), status: Int(rest[end.upperBound..<newline]) ?? -1))
      rest = rest[rest.index(after: newline)...]
    }
    return printed
  }

  /// Writes the file anew with what the examples print now.
  func write(_ printed: [Printed]) throws {
    var lines: [String] = []
    for piece in pieces {
      switch piece {
      case .text(let line): lines.append(line)
      case .example(let before, let number):
        lines += before
        guard examples[number].output != nil else { continue }
        let output = printed[number].output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        lines += isManPage ? output.map(Document.escaped) : output
      }
    }
    try lines.joined(separator: "\n").write(to: path, atomically: true, encoding: .utf8)
  }

  // MARK: Text in roff

  private static func unescaped(_ line: String) -> String {
    line.replacingOccurrences(of: "\\&", with: "").replacingOccurrences(of: "\\(aq", with: "'").replacingOccurrences(of: "\\-", with: "-")
      .replacingOccurrences(of: "\\e", with: "\\")
  }

  private static func escaped(_ line: String) -> String {
    let text = line.replacingOccurrences(of: "\\", with: "\\e").replacingOccurrences(of: "-", with: "\\-").replacingOccurrences(
      of: "'", with: "\\(aq")
    return text.hasPrefix(".") ? "\\&" + text : text
  }
}
