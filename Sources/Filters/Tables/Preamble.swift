/// Lines above the header, as spreadsheets export titles: they have fewer fields than the header below them, which names every column and no
/// number, and than the rows below that.
enum Preamble {
  private struct Record {
    /// Lines above it.
    var linesBefore: Int
    var fields: [String]
    /// Without the empty fields at its end.
    var filled: Int { fields.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0 }

    var looksLikeHeader: Bool {
      fields.count > 1 && fields.allSatisfy { !$0.isEmpty && Double($0) == nil } && Set(fields).count == fields.count
    }
  }

  private static let mostRecords = 40
  /// What stands above a header lies in the first of them.
  private static let mostBytes = 1 << 20

  /// How many lines stand above the header; nil where the first record is the header. `bytes` are the first ones of the table, and only records
  /// that are whole count. Other delimiters are tried where the one of the format is not `told`.
  static func lines(of bytes: UnsafeBufferPointer<UInt8>, delimiter: UInt8, told: Bool, atEnd: Bool) -> Int? {
    let own = records(bytes, delimiter, atEnd)
    guard let first = own.first, own.count > 1 else { return nil }
    // Two columns without a name are no header.
    let isUnnamed = first.fields.count >= max(2, first.filled + 2) || first.filled == 0
    // A table of one column may be one of another delimiter below a title.
    let isEven = !isUnnamed && own.allSatisfy { $0.fields.count == first.fields.count }
    if isEven, first.fields.count > 1 { return nil }
    // A header that a row below agrees with is one, whatever the fields of others hold.
    let isTold = told || first.looksLikeHeader && own.dropFirst().contains { $0.fields.count == first.fields.count }
    let others: [UInt8] = isTold ? [] : [UInt8(ascii: ","), UInt8(ascii: ";"), 9].filter { $0 != delimiter }
    return ([own] + others.map { records(bytes, $0, atEnd) }).lazy.compactMap { headerLine($0, numbersBelow: isEven) }.first
  }

  /// Where the rows must have `numbersBelow` the header, the first of them tells it.
  private static func headerLine(_ records: [Record], numbersBelow: Bool) -> Int? {
    // By another delimiter a quote may never close, which leaves no record.
    guard let first = records.first,
      let i = records.indices.dropFirst().first(where: { i in
        let count = records[i].fields.count
        return records[i].looksLikeHeader && records[..<i].allSatisfy { $0.filled < count && ($0.fields.count < count || $0.filled + 2 <= count) }
          && (i + 1 < records.count ? records[i + 1].fields.count == count : first.filled <= 1 && !numbersBelow)
          && (!numbersBelow || records[i + 1].fields.contains { Double($0) != nil })
      })
    else { return nil }
    // Where a header has one name less than the rows have fields, they begin with names of rows, as R writes them.
    if i == 1, first.fields.count > 1, first.fields.count + 1 == records[1].fields.count { return nil }
    return records[i].linesBefore
  }

  /// The first records of delimited text.
  private static func records(_ bytes: UnsafeBufferPointer<UInt8>, _ delimiter: UInt8, _ atEnd: Bool) -> [Record] {
    var records: [Record] = []
    var line = 0
    var record = Record(linesBefore: 0, fields: [])
    var field: [UInt8] = []
    var isQuoted = false
    func trimmed() -> String {
      let blank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 || $0 == 13 || $0 == 0x22 }
      return String(decoding: field.drop(while: blank).reversed().drop(while: blank).reversed(), as: UTF8.self)
    }
    for byte in bytes.prefix(mostBytes) {
      if byte == 10 { line += 1 }
      if byte == 0x22, isQuoted || field.isEmpty || field.last == 0x22 { isQuoted.toggle() }
      guard !isQuoted, byte == 10 || byte == delimiter else {
        field.append(byte)
        continue
      }
      record.fields.append(trimmed())
      field.removeAll(keepingCapacity: true)
      if byte == 10 {
        records.append(record)
        if records.count == mostRecords { return records }
        record = Record(linesBefore: line, fields: [])
      }
    }
    if atEnd, bytes.count <= mostBytes, !field.isEmpty || !record.fields.isEmpty {
      record.fields.append(trimmed())
      records.append(record)
    }
    return records
  }
}
