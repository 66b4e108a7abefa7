import Glibc
import Groundwork

/// What a field says where rows are told apart or brought together by it: groups, categories, units, joins. Two fields are the same key where
/// their forms are the same bytes.
///
/// The form of what is missing is empty; of a number its exact value (1, 1.0 and 1e0 are one), of a date what it means (a day and its midnight in UTC
/// are one), and of all else its bytes. A field with a zero before a digit, such as 01, is text. With decimal points the form of a form is itself.
public enum KeyForm {
  /// Appends the form of a field's content. Costs a look at each byte where the content is its own form.
  @inline(__always)
  public static func append(_ content: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) {
    if isOwnForm(content) { buffer.append(content) } else { appendSlowly(content, into: buffer) }
  }

  /// The form of a text.
  public static func of(_ text: FieldText) -> FieldText {
    text.bytes.withUnsafeBufferPointer { content in
      isOwnForm(content) ? text : FieldText(form(content))
    }
  }

  /// Whether it is plain at a glance that the fields of some columns are their own forms.
  static func areOwnForms(_ row: Row, _ columns: [Int]) -> Bool {
    columns.allSatisfy { column in
      let raw = row.raw(column)
      return raw.first != 0x22 && isOwnForm(raw)
    }
  }

  /// Whether it is plain at a glance that the content is its own form.
  @inline(__always)
  private static func isOwnForm(_ content: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = content.first else { return true }
    // Numbers and dates begin with a digit, a sign, a mark or a blank.
    if first > 0x39 { return !MissingText.matches(content) }
    guard first &- 0x31 < 9, content.count <= 18 else { return false }
    var i = 1
    while i < content.count, content[i] &- 0x30 < 10 { i += 1 }
    return i == content.count
  }

  @inline(never)
  private static func appendSlowly(_ content: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) { buffer.append(form(content)) }

  private static func form(_ content: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    if MissingText.matches(content) { return [] }
    let isBlank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 }
    let start = content.firstIndex { !isBlank($0) } ?? content.count
    let end = content.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start
    let trimmed = UnsafeBufferPointer(rebasing: content[start..<end])
    if trimmed.isEmpty { return [] }
    if let number = decimal(trimmed) { return number.canonicalText }
    if let date = Moment.date(trimmed) { return date.canonicalText.bytes }
    return MissingText.matches(trimmed) ? [] : Array(content)
  }

  private static func decimal(_ text: UnsafeBufferPointer<UInt8>) -> ExactDecimal? {
    NumberNotation.usesComma ? NumberNotation.plain(ofComma: text).flatMap { ExactDecimal($0) } : ExactDecimal(text)
  }
}

/// The fields of some columns as one key: their forms, separated by commas and quoted where it is needed, so that different keys are different bytes,
/// whatever format the fields came in.
public struct FieldKey {
  public let columns: [Int]

  public init(columns: [Int]) { self.columns = columns }

  public func append(_ row: Row, into buffer: ByteBuffer) { FieldKey.append(row, columns, into: buffer) }

  static func append(_ row: Row, _ columns: [Int], into buffer: ByteBuffer) {
    for (i, column) in columns.enumerated() {
      if i > 0 { buffer.append(UInt8(ascii: ",")) }
      row.withContent(column) { FieldKey.append($0, into: buffer) }
    }
  }

  /// The key of values that are forms.
  static func append(forms: [FieldText], into buffer: ByteBuffer) {
    for (i, form) in forms.enumerated() {
      if i > 0 { buffer.append(UInt8(ascii: ",")) }
      form.bytes.withUnsafeBufferPointer { FieldWriter.appendField($0, delimiter: UInt8(ascii: ","), to: buffer) }
    }
  }

  /// The key of values.
  static func append(_ values: [FieldText], into buffer: ByteBuffer) {
    for (i, value) in values.enumerated() {
      if i > 0 { buffer.append(UInt8(ascii: ",")) }
      value.bytes.withUnsafeBufferPointer { append($0, into: buffer) }
    }
  }

  @inline(__always)
  private static func append(_ content: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) {
    let start = buffer.count
    KeyForm.append(content, into: buffer)
    // Few forms need quotes.
    for i in start..<buffer.count where buffer.base[i] < 0x2D {
      let byte = buffer.base[i]
      guard byte == UInt8(ascii: ",") || byte == 0x22 || byte == 10 || byte == 13 else { continue }
      let form = Array(UnsafeBufferPointer(start: buffer.base + start, count: buffer.count - start))
      buffer.truncate(to: start)
      return form.withUnsafeBufferPointer { FieldWriter.appendField($0, delimiter: UInt8(ascii: ","), to: buffer) }
    }
  }
}
