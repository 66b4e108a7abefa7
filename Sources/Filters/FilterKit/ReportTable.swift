import Glibc
import Groundwork
import Tables

/// A small table that a tool makes itself, such as scores: in the output's format or as a table of Markdown, aligned
/// where stdout is a terminal.
public struct ReportTable {
  public enum Cell: Sendable {
    case text(String)
    /// A field of a table, byte for byte: in NDJSON a number, or null, where it reads as one.
    case field(FieldText)
    /// One that is text in NDJSON too.
    case bytes(FieldText)
    case count(Int)
    /// What was computed, rounded by `--digits`. NaN is missing.
    case number(Double)
    /// A number that tells rows apart, such as a level: it is never rounded.
    case key(Double)
  }

  private let columns: [String]

  public init(columns: [String]) { self.columns = columns }

  /// Writes to `side`, such as stderr, in place of the session's output; with `isNamed`, under a header even where the input had none.
  public func write(_ rows: some Collection<[Cell]>, session: FilterSession, to side: Int32? = nil, isNamed: Bool = false) throws {
    let format = session.outputFormat
    let buffer = ByteBuffer()
    let output = side.map { OutputFile(descriptor: $0, name: "stderr") } ?? session.output
    switch format {
    case _ where session.options.output == .markdown:
      let rows = Array(rows)
      writeMarkdown(rows, rows.map { $0.map { text($0, session.options.digits).description } }, buffer)
    case .ndjson:
      for row in rows {
        writeObject(row, session.options.digits, buffer)
        try flush(buffer, to: output)
      }
    case .separated(let delimiter):
      let isAligned = isatty(side ?? STDOUT_FILENO) == 1 && session.options.output == nil
      let names = session.options.noHeader && !isNamed ? [] : [columns.map { FieldText($0) }]
      if isAligned {
        let rows = Array(rows)
        writeAligned(names + rows.map { $0.map { text($0, session.options.digits) } }, rows, buffer)
      } else {
        for line in names { writeFields(line, delimiter, buffer) }
        for row in rows {
          writeFields(row.map { text($0, session.options.digits) }, delimiter, buffer)
          try flush(buffer, to: output)
        }
      }
    }
    try output.write(buffer.bytes)
  }

  /// Many groups make large tables, which are written piece by piece.
  private func flush(_ buffer: ByteBuffer, to output: OutputFile) throws {
    guard buffer.count > 1 << 18 else { return }
    try output.write(buffer.bytes)
    buffer.removeAll()
  }

  private func text(_ cell: Cell, _ digits: Int?) -> FieldText {
    switch cell {
    case .text(let text): return FieldText(text)
    case .field(let text), .bytes(let text): return text
    case .count(let count): return FieldText("\(count)")
    case .key(let value): return FieldText(NumberNotation.local(shortestText(value)))
    case .number(let value):
      guard let digits, value.isFinite else { return FieldText(NumberNotation.local(shortestText(value))) }
      let buffer = ByteBuffer()
      buffer.append(number: value, digits: digits)
      return FieldText(NumberNotation.local(String(decoding: buffer.bytes, as: UTF8.self)))
    }
  }

  private func writeFields(_ fields: [FieldText], _ delimiter: UInt8, _ buffer: ByteBuffer) {
    for (i, field) in fields.enumerated() {
      if i > 0 { buffer.append(delimiter) }
      field.bytes.withUnsafeBufferPointer { FieldWriter.appendField($0, delimiter: delimiter, to: buffer) }
    }
    buffer.append(10)
  }

  /// For a terminal, which control characters must not reach.
  private func writeAligned(_ lines: [[FieldText]], _ rows: [[Cell]], _ buffer: ByteBuffer) {
    let lines = lines.map { $0.map { escapingControls($0.description) } }
    let widths = columns.indices.map { c in lines.map { $0[c].count }.max() ?? 0 }
    let isNumber = columns.indices.map { isNumeric($0, rows) }
    for line in lines {
      for (c, field) in line.enumerated() {
        let padding = String(repeating: " ", count: widths[c] - field.count)
        if c > 0 { buffer.append("  ") }
        let isLast = c == line.count - 1
        buffer.append(isNumber[c] ? padding + field : isLast ? field : field + padding)
      }
      buffer.append(10)
    }
  }

  /// A table as GitHub's Markdown has it: numbers to the right.
  private func writeMarkdown(_ rows: [[Cell]], _ lines: [[String]], _ buffer: ByteBuffer) {
    func writeLine(_ fields: [String]) { buffer.append("| " + fields.joined(separator: " | ") + " |\n") }
    func escaped(_ text: String) -> String {
      escapingControls(text).map { $0 == "|" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
    }
    writeLine(columns.map(escaped))
    writeLine(columns.indices.map { isNumeric($0, rows) ? "---:" : ":---" })
    for line in lines { writeLine(line.map(escaped)) }
  }

  private func isNumeric(_ column: Int, _ rows: [[Cell]]) -> Bool {
    rows.allSatisfy {
      switch $0[column] {
      case .text, .field, .bytes: false
      case .count, .number, .key: true
      }
    }
  }

  private func writeObject(_ row: [Cell], _ digits: Int?, _ buffer: ByteBuffer) {
    buffer.append("{")
    for (c, cell) in row.enumerated() {
      if c > 0 { buffer.append(",") }
      appendJSONString(columns[c], to: buffer)
      buffer.append(":")
      switch cell {
      case .text(let text): appendJSONString(text, to: buffer)
      case .field(let text): appendJSONField(text, to: buffer)
      case .bytes(let text): appendJSONString(text, to: buffer)
      case .count(let count): buffer.append("\(count)")
      case .key(let value): buffer.append(shortestText(value))
      case .number(let value):
        if value.isNaN {
          buffer.append("null")
        } else if value.isInfinite {
          buffer.append(value < 0 ? "\"-inf\"" : "\"inf\"")
        } else {
          buffer.append(number: value, digits: digits)
        }
      }
    }
    buffer.append("}\n")
  }
}
