import Groundwork

/// Numbers the keys of rows 0, 1, … as they come, and keeps for each how its first row spells it.
///
/// Fields that are not their own forms are looked up by their bytes, so a form is made once for each spelling. Memory: each key twice, and each such
/// spelling.
public final class KeyTable {
  private var spellings = ByteTable()
  private var keyOfSpelling: [Int32] = []
  private var keys = ByteTable()
  /// The fields of each key as they first came.
  public private(set) var names: [[FieldText]] = []
  /// Where each key first stood: `Place`s in the order of the input.
  private var places: [Place] = []
  private let buffer = ByteBuffer(capacity: 256)

  /// A row's place in its input: the number of its block, and its place there.
  public struct Place: Comparable, Sendable {
    let block: Int
    let row: Int

    public init(block: Int, row: Int) { (self.block, self.row) = (block, row) }

    public static let first = Place(block: 0, row: 0)

    public static func < (a: Place, b: Place) -> Bool { (a.block, a.row) < (b.block, b.row) }
  }

  public init() {}

  public var count: Int { names.count }

  /// The number of the key that the row has in these columns, with `more` as one value more.
  public func number(of row: Row, _ columns: [Int], and more: FieldText? = nil, block: Int = 0) throws -> Int {
    try number(of: row, columns, and: more, at: Place(block: block, row: row.index))
  }

  /// The same for a row that stands elsewhere in the order of those that spell keys.
  public func number(of row: Row, _ columns: [Int], and more: FieldText? = nil, at place: Place) throws -> Int {
    func values() -> [FieldText] { columns.map { row.content($0) } + [more].compactMap { $0 } }
    func spelled(_ number: Int) -> Int {
      if place < places[number] { (names[number], places[number]) = (values(), place) }
      return number
    }
    if KeyForm.areOwnForms(row, columns) {
      appendKey(row, columns, more)
      if let number = keys.find(buffer.bytes) { return spelled(number) }
      return try number(of: values(), at: place)
    }
    appendFields(row, columns)
    if let more { more.bytes.withUnsafeBufferPointer { KeyTable.append($0, to: buffer) } }
    if let spelling = spellings.find(buffer.bytes) { return spelled(Int(keyOfSpelling[spelling])) }
    _ = try spellings.add(buffer.bytes)
    let number = try self.number(of: values(), at: place)
    keyOfSpelling.append(Int32(number))
    return number
  }

  /// The number of the key of these values.
  public func number(of values: [FieldText], at place: Place = .first) throws -> Int {
    buffer.removeAll()
    FieldKey.append(values, into: buffer)
    return try add(values, at: place)
  }

  /// The number of the key of values that are forms, as a model file keeps them.
  public func number(ofForms forms: [FieldText]) throws -> Int {
    buffer.removeAll()
    FieldKey.append(forms: forms, into: buffer)
    return try add(forms, at: .first)
  }

  private func add(_ values: [FieldText], at place: Place) throws -> Int {
    let (number, isNew) = try keys.add(buffer.bytes)
    if isNew {
      names.append(values)
      places.append(place)
    } else if place < places[number] {
      names[number] = values
      places[number] = place
    }
    return number
  }

  /// The number of the key of these values, nil where it has none.
  public func find(_ values: [FieldText]) -> Int? {
    buffer.removeAll()
    FieldKey.append(values, into: buffer)
    return keys.find(buffer.bytes)
  }

  /// The number of the key that the row has in these columns, nil where it has none.
  public func find(_ row: Row, _ columns: [Int]) throws -> Int? {
    if KeyForm.areOwnForms(row, columns) {
      appendKey(row, columns, nil)
      return keys.find(buffer.bytes)
    }
    appendFields(row, columns)
    if let spelling = spellings.find(buffer.bytes) { return Int(keyOfSpelling[spelling]) }
    guard let number = find(columns.map { row.content($0) }) else { return nil }
    appendFields(row, columns)
    _ = try spellings.add(buffer.bytes)
    keyOfSpelling.append(Int32(number))
    return number
  }

  private func appendKey(_ row: Row, _ columns: [Int], _ more: FieldText?) {
    buffer.removeAll()
    FieldKey.append(row, columns, into: buffer)
    guard let more else { return }
    if !columns.isEmpty { buffer.append(UInt8(ascii: ",")) }
    FieldKey.append([more], into: buffer)
  }

  private func appendFields(_ row: Row, _ columns: [Int]) {
    buffer.removeAll()
    for column in columns { KeyTable.append(row.raw(column), to: buffer) }
  }

  /// The numbers that the keys of another table have in this one, where they are added.
  public func merge(_ other: KeyTable) throws -> [Int] {
    try other.names.indices.map { try number(of: other.names[$0], at: other.places[$0]) }
  }

  private static func append(_ field: UnsafeBufferPointer<UInt8>, to buffer: ByteBuffer) {
    withUnsafeBytes(of: field.count) { buffer.append($0.assumingMemoryBound(to: UInt8.self)) }
    buffer.append(field)
  }

  /// Of each key, its place in the order of reports and of series: column by column, numbers by size where all of a column are numbers, else by
  /// their bytes.
  public var ranks: [Int] {
    var ranks = [Int](repeating: 0, count: count)
    for (rank, number) in inOrder.enumerated() { ranks[number] = rank }
    return ranks
  }

  /// The numbers of the keys in that order.
  public var inOrder: [Int] {
    let reader = NumberReader()
    func number(_ text: FieldText) -> Double? {
      if case .number(let value) = text.bytes.withUnsafeBufferPointer({ reader.read($0) }) { return value }
      return nil
    }
    let columns = names.first?.indices ?? 0..<0
    let numbers: [[Double]?] = columns.map { c in
      let values = names.compactMap { number($0[c]) }
      return values.count == names.count ? values : nil
    }
    return names.indices.sorted { a, b in
      for c in columns {
        if let values = numbers[c], values[a] != values[b] { return values[a] < values[b] }
        if names[a][c] != names[b][c] { return names[a][c] < names[b][c] }
      }
      return false
    }
  }
}
