import Glibc

/// Splits a block's bytes into rows and fields. Records that are no rows are noted as faults, their fields left empty.
struct RowSplitter {
  private let format: TableFormat
  private let columns: Int
  /// NDJSON: the keys as the first line writes them, with quotes, and as text.
  private let rawKeys: [[UInt8]]
  private let columnOfKey: [String: Int]
  private let lateKeys: LateKeys

  init(format: TableFormat, names: [String], rawNames: [[UInt8]], lateKeys: LateKeys = .refused) {
    self.format = format
    self.lateKeys = lateKeys
    columns = names.count
    if format == .ndjson {
      rawKeys = rawNames
      columnOfKey = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    } else {
      rawKeys = []
      columnOfKey = [:]
    }
  }

  func split(_ block: Block) {
    if let places = block.places, block.placeCount != columns {
      // Split as what it is, and then made a row of the table.
      RowSplitter(format: format, names: [String](repeating: "", count: block.placeCount), rawNames: []).splitInPlace(block)
      return reorder(block, places)
    }
    splitInPlace(block)
    if let places = block.places { reorder(block, places) }
  }

  private func splitInPlace(_ block: Block) {
    block.rows = 0
    block.rowsWithOthers.removeAll(keepingCapacity: true)
    block.columns = columns
    block.lines = 0
    block.faults.removeAll(keepingCapacity: true)
    switch format {
    case .ndjson: splitObjects(block)
    case .separated(let delimiter):
      let count = block.buffer.count
      if count > 0, memchr(block.buffer.base, 0x22, count) != nil {
        splitQuoted(block, delimiter)
      } else {
        splitPlain(block, delimiter)
      }
    }
  }

  /// Writes the fields of every good row anew, in the order of the table's columns; what the input lacks is empty.
  private func reorder(_ block: Block, _ places: [Int]) {
    guard case .separated(let delimiter) = format else { return }
    let input = ByteBuffer(capacity: block.buffer.count)
    input.append(block.buffer.bytes)
    block.buffer.removeAll()
    let (rows, width) = (block.rows, block.columns)
    let rowEnds = (0..<rows).map { Int(block.rowEnds[$0]) }
    let starts = (0..<rows * width).map { Int(block.starts[$0]) }
    let ends = (0..<rows * width).map { Int(block.ends[$0]) }
    let faulty = Set(block.faults.map(\.row))
    block.faults = block.faults.map { ($0.row, $0.fault.moved { place in places.firstIndex(of: place) ?? columns }) }
    block.columns = columns
    block.rows = 0
    for r in 0..<rows {
      block.reserveRow()
      let rowStart = r == 0 ? 0 : rowEnds[r - 1]
      if faulty.contains(r) {
        clearFields(block)
        block.buffer.append(UnsafePointer(input.base) + rowStart, count: rowEnds[r] - rowStart)
      } else {
        for (c, place) in places.enumerated() {
          if c > 0 { block.buffer.append(delimiter) }
          block.starts[r * columns + c] = Int32(truncatingIfNeeded: block.buffer.count)
          if place >= 0 {
            let start = starts[r * width + place]
            block.buffer.append(UnsafePointer(input.base) + start, count: ends[r * width + place] - start)
          }
          block.ends[r * columns + c] = Int32(truncatingIfNeeded: block.buffer.count)
        }
        let contentEnd = ends[(r + 1) * width - 1]
        block.buffer.append(UnsafePointer(input.base) + contentEnd, count: rowEnds[r] - contentEnd)
      }
      block.rowEnds[r] = Int32(truncatingIfNeeded: block.buffer.count)
      block.rows += 1
    }
  }

  /// No quote anywhere: every line end ends a record, every delimiter a field.
  private func splitPlain(_ block: Block, _ delimiter: UInt8) {
    let base = UnsafePointer(block.buffer.base)
    let count = block.buffer.count
    let columns = columns
    var p = 0
    while p < count {
      block.reserveRow()
      let starts = block.starts + block.rows * columns
      let ends = block.ends + block.rows * columns
      let newline = memchr(base + p, 10, count - p).map { base.distance(to: $0.assumingMemoryBound(to: UInt8.self)) }
      var contentEnd = newline ?? count
      let next = newline.map { $0 + 1 } ?? count
      if newline != nil { block.lines += 1 }
      if contentEnd > p, base[contentEnd - 1] == 13, newline != nil { contentEnd -= 1 }
      var fields = 0
      while true {
        let found = p < contentEnd ? memchr(base + p, Int32(delimiter), contentEnd - p) : nil
        let end = found.map { base.distance(to: $0.assumingMemoryBound(to: UInt8.self)) } ?? contentEnd
        if fields < columns {
          starts[fields] = Int32(truncatingIfNeeded: p)
          ends[fields] = Int32(truncatingIfNeeded: end)
        }
        fields += 1
        if found == nil { break }
        p = end + 1
      }
      finishRow(block, end: next, fault: fields == columns ? nil : .ragged(fields: fields, header: columns))
      p = next
    }
  }

  private func splitQuoted(_ block: Block, _ delimiter: UInt8) {
    let base = UnsafePointer(block.buffer.base)
    let count = block.buffer.count
    let columns = columns
    var p = 0
    while p < count {
      block.reserveRow()
      let starts = block.starts + block.rows * columns
      let ends = block.ends + block.rows * columns
      var fields = 0
      var fault: RowFault?
      var next = count
      record: while true {
        let start = p
        if p < count, base[p] == 0x22 {
          p += 1
          while true {
            guard let quote = memchr(base + p, 0x22, count - p) else {
              fault = fault ?? .unclosedQuote(field: fields)
              p = count
              break
            }
            p = base.distance(to: quote.assumingMemoryBound(to: UInt8.self)) + 1
            if p < count, base[p] == 0x22 { p += 1 } else { break }
          }
          block.lines += lineEnds(base + start, p - start)
          if p < count, base[p] != delimiter, base[p] != 10, !(base[p] == 13 && p + 1 < count && base[p + 1] == 10) {
            fault = fault ?? .textAfterQuote(field: fields)
          }
        }
        while p < count, base[p] != delimiter, base[p] != 10 { p += 1 }
        var end = p
        let isLast = p == count || base[p] == 10
        if p < count, base[p] == 10, end > start, base[end - 1] == 13 { end -= 1 }
        if fields < columns {
          starts[fields] = Int32(truncatingIfNeeded: start)
          ends[fields] = Int32(truncatingIfNeeded: end)
        }
        fields += 1
        if isLast {
          if p < count { block.lines += 1 }
          next = min(p + 1, count)
          break record
        }
        p += 1
      }
      finishRow(block, end: next, fault: fault ?? (fields == columns ? nil : .ragged(fields: fields, header: columns)))
      p = next
    }
  }

  private func lineEnds(_ base: UnsafePointer<UInt8>, _ count: Int) -> Int {
    UnsafeBufferPointer(start: base, count: count).reduce(0) { $0 + ($1 == 10 ? 1 : 0) }
  }

  @inline(__always)
  private func finishRow(_ block: Block, end: Int, fault: RowFault?) {
    block.rowEnds[block.rows] = Int32(truncatingIfNeeded: end)
    if let fault {
      block.faults.append((block.rows, fault))
      clearFields(block)
    }
    block.rows += 1
  }

  private func clearFields(_ block: Block) {
    for c in 0..<columns {
      block.starts[block.rows * columns + c] = 0
      block.ends[block.rows * columns + c] = 0
    }
  }

  private func splitObjects(_ block: Block) {
    let base = UnsafePointer(block.buffer.base)
    let count = block.buffer.count
    var p = 0
    while p < count {
      block.reserveRow()
      clearFields(block)
      let newline = memchr(base + p, 10, count - p).map { base.distance(to: $0.assumingMemoryBound(to: UInt8.self)) }
      let starts = block.starts + block.rows * columns
      let ends = block.ends + block.rows * columns
      var expected = 0
      let fault = JSONObject.walk(base, from: p, to: newline ?? count) { key, value in
        guard let column = column(of: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(start: base, count: count)[key]), expected) else {
          let name = JSONText.unescape(UnsafeBufferPointer(rebasing: UnsafeBufferPointer(start: base, count: count)[key]))
          if let refusal = lateKeys.refusal(of: String(decoding: name, as: UTF8.self)) { return refusal }
          if block.rowsWithOthers.last != block.rows { block.rowsWithOthers.append(block.rows) }
          return nil
        }
        if ends[column] != 0 { return "key \(String(decoding: rawKeys[column], as: UTF8.self)) stands twice" }
        starts[column] = Int32(truncatingIfNeeded: value.lowerBound)
        ends[column] = Int32(truncatingIfNeeded: value.upperBound)
        expected = column + 1
        return nil
      }
      if newline != nil { block.lines += 1 }
      let next = newline.map { $0 + 1 } ?? count
      if fault != nil, block.rowsWithOthers.last == block.rows { block.rowsWithOthers.removeLast() }
      finishRow(block, end: next, fault: fault.map { .json($0) })
      p = next
    }
  }

  /// The column of a raw key: the one after the last in most tables, else by its text.
  private func column(of key: UnsafeBufferPointer<UInt8>, _ expected: Int) -> Int? {
    if expected < columns, rawKeys[expected].count == key.count,
      rawKeys[expected].withUnsafeBufferPointer({ memcmp($0.baseAddress!, key.baseAddress!, key.count) }) == 0
    {
      return expected
    }
    let name = String(decoding: JSONText.unescape(key), as: UTF8.self)
    return columnOfKey[name] ?? columnOfKey[ColumnName.trimmed(name)]
  }
}

/// Walks the members of one flat JSON object.
enum JSONObject {
  /// Calls `member` with the spans of each raw key (with quotes) and raw value; what it returns ends the walk as its fault.
  /// Returns what is wrong with the line, or nil.
  static func walk(
    _ base: UnsafePointer<UInt8>, from: Int, to end: Int, _ member: (_ key: Range<Int>, _ value: Range<Int>) -> String?
  ) -> String? {
    var p = from
    JSONText.skipBlanks(base, &p, end)
    guard p < end else { return "an empty line where an object was expected" }
    guard base[p] == UInt8(ascii: "{") else { return "not a JSON object" }
    p += 1
    JSONText.skipBlanks(base, &p, end)
    if p < end, base[p] == UInt8(ascii: "}") {
      p += 1
    } else {
      while true {
        guard p < end, base[p] == 0x22 else { return "a key in quotes was expected" }
        let key = p
        guard JSONText.skipString(base, &p, end) else { return "a key's closing quote is missing" }
        let keyEnd = p
        JSONText.skipBlanks(base, &p, end)
        guard p < end, base[p] == UInt8(ascii: ":") else { return "a colon was expected after key \(text(base, key..<keyEnd))" }
        p += 1
        JSONText.skipBlanks(base, &p, end)
        let value = p
        guard JSONText.skipValue(base, &p, end) else { return "the value of key \(text(base, key..<keyEnd)) is not JSON" }
        if let fault = member(key..<keyEnd, value..<p) { return fault }
        JSONText.skipBlanks(base, &p, end)
        guard p < end else { return "the object is not closed" }
        if base[p] == UInt8(ascii: ",") {
          p += 1
          JSONText.skipBlanks(base, &p, end)
          continue
        }
        guard base[p] == UInt8(ascii: "}") else { return "a comma or } was expected after key \(text(base, key..<keyEnd))" }
        p += 1
        break
      }
    }
    JSONText.skipBlanks(base, &p, end)
    return p == end ? nil : "text after the object"
  }

  private static func text(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) -> String {
    String(decoding: UnsafeBufferPointer(start: base, count: range.upperBound)[range], as: UTF8.self)
  }
}
