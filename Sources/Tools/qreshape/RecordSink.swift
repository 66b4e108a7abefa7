import Quantiles
import Tables

/// Writes rows of which each holds one quantile, or all of one model in NDJSON: the model, what passes through, the quantiles.
final class RecordSink {
  private let writer: FieldWriter
  private let pass: PassWriter
  private let vocabulary: Vocabulary
  private let hasModels: Bool
  private let form: LongShape?
  private let lineEnd: [UInt8]
  private var modelTexts: [[UInt8]] = []
  private var levelTexts: [[UInt8]] = []
  /// Names of the columns, and `"name":` of each.
  private let model: [UInt8]
  private let outputType: [UInt8]
  private let level: [UInt8]
  private let value: [UInt8]
  let names: [String]
  private(set) var written = 0
  /// Quantiles without a value, which a row of their own cannot hold.
  private(set) var missing = 0
  /// Units and models without quantiles, likewise.
  private(set) var empty = 0

  /// `form` is nil for the nested one.
  init(_ form: LongShape?, pass: PassWriter, vocabulary: Vocabulary, hasModels: Bool, lineEnd: [UInt8]) {
    self.form = form
    self.pass = pass
    self.vocabulary = vocabulary
    self.hasModels = hasModels
    self.lineEnd = lineEnd
    writer = pass.writer
    model = jsonKey(form?.model[0] ?? "model")
    outputType = jsonKey(form?.outputType.first ?? "")
    level = jsonKey(form?.level[0] ?? "")
    value = jsonKey(form?.value[0] ?? "quantiles")
    names =
      (hasModels ? [form?.model[0] ?? "model"] : []) + pass.names
      + (form.map { $0.outputType.prefix(1) + [$0.level[0], $0.value[0]] } ?? ["quantiles"])
  }

  /// The header line; nothing for NDJSON.
  func writeHeader(into buffer: ByteBuffer) {
    guard !writer.writesObjects else { return }
    if hasModels { writer.append(names[0], into: buffer) }
    if hasModels, !pass.isEmpty { buffer.append(writer.delimiter) }
    pass.writeNames(into: buffer)
    for (i, name) in names.dropFirst((hasModels ? 1 : 0) + pass.names.count).enumerated() {
      if i > 0 || hasModels || !pass.isEmpty { buffer.append(writer.delimiter) }
      writer.append(name, into: buffer)
    }
    buffer.append(lineEnd)
  }

  /// The row of a unit and model without quantiles, which a row a quantile cannot hold.
  func writeEmpty(_ fields: UnsafeBufferPointer<UInt8>, model: Int, into buffer: ByteBuffer) {
    guard form == nil else { return empty += 1 }
    begin(fields, model, buffer)
    buffer.append(value)
    buffer.append("{}}")
    buffer.append(lineEnd)
  }

  /// The rows of a unit's quantiles, those of a model together.
  func write(_ fields: UnsafeBufferPointer<UInt8>, _ cells: [CellReader.Cell], _ text: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) {
    var i = 0
    while i < cells.count {
      var end = i + 1
      if form == nil {
        while end < cells.count, cells[end].model == cells[i].model { end += 1 }
        writeNested(fields, cells[i..<end], text, buffer)
      } else if cells[i].isMissing {
        missing += 1
      } else {
        writeLong(fields, cells[i], text, buffer)
      }
      i = end
    }
  }

  private func begin(_ fields: UnsafeBufferPointer<UInt8>, _ number: Int, _ buffer: ByteBuffer) {
    written += 1
    if writer.writesObjects { buffer.append(UInt8(ascii: "{")) }
    if hasModels {
      if writer.writesObjects { buffer.append(model) }
      buffer.append(modelText(number))
      buffer.append(writer.delimiter)
    }
    buffer.append(fields)
    // Members of an object that are all absent are no fields; a row's only field may be empty.
    if writer.writesObjects ? fields.count > 0 : !pass.isEmpty { buffer.append(writer.delimiter) }
  }

  private func writeLong(_ fields: UnsafeBufferPointer<UInt8>, _ cell: CellReader.Cell, _ text: UnsafeBufferPointer<UInt8>, _ buffer: ByteBuffer) {
    begin(fields, cell.model, buffer)
    let isObject = writer.writesObjects
    if form?.outputType.isEmpty == false {
      if isObject { buffer.append(outputType) }
      buffer.append(isObject ? "\"quantile\"" : "quantile")
      buffer.append(writer.delimiter)
    }
    if isObject { buffer.append(level) }
    buffer.append(levelText(number: cell.level))
    buffer.append(writer.delimiter)
    if isObject { buffer.append(value) }
    buffer.append(text.baseAddress! + cell.start, count: cell.count)
    if isObject { buffer.append(UInt8(ascii: "}")) }
    buffer.append(lineEnd)
  }

  private func writeNested(
    _ fields: UnsafeBufferPointer<UInt8>, _ cells: ArraySlice<CellReader.Cell>, _ text: UnsafeBufferPointer<UInt8>, _ buffer: ByteBuffer
  ) {
    begin(fields, cells.first!.model, buffer)
    buffer.append(value)
    for (i, cell) in cells.enumerated() {
      buffer.append(i == 0 ? "{\"" : ",\"")
      buffer.append(levelText(number: cell.level))
      buffer.append("\":")
      buffer.append(text.baseAddress! + cell.start, count: cell.count)
    }
    buffer.append("}}")
    buffer.append(lineEnd)
  }

  private func modelText(_ number: Int) -> [UInt8] {
    if modelTexts.count <= number {
      for model in vocabulary.models.dropFirst(modelTexts.count) {
        let buffer = ByteBuffer(capacity: 64)
        writer.append(model, into: buffer)
        modelTexts.append(Array(buffer.bytes))
      }
    }
    return modelTexts[number]
  }

  private func levelText(number: Int) -> [UInt8] {
    if levelTexts.count <= number {
      for level in vocabulary.levels.dropFirst(levelTexts.count) {
        let text = Tables.levelText(level)
        let buffer = ByteBuffer(capacity: 64)
        // In JSON it is a number, or the name of a member.
        if writer.writesObjects { buffer.append(text) } else { writer.append(NumberNotation.local(text), into: buffer) }
        levelTexts.append(Array(buffer.bytes))
      }
    }
    return levelTexts[number]
  }
}
