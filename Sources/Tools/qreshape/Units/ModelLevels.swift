/// A set of models' levels, by number: a bit a level.
struct ModelLevels {
  private var bits: [[UInt64]] = []

  @inline(__always)
  mutating func insert(_ model: Int, _ level: Int) {
    while bits.count <= model { bits.append([]) }
    while bits[model].count <= level >> 6 { bits[model].append(0) }
    bits[model][level >> 6] |= 1 << UInt64(level & 63)
  }

  func contains(_ model: Int, _ level: Int) -> Bool {
    model < bits.count && level >> 6 < bits[model].count && bits[model][level >> 6] >> UInt64(level & 63) & 1 == 1
  }
}

/// The column of each model and level: a table of all pairs, or where these would take much memory a dictionary.
struct ColumnPlaces {
  private static let largestTable = 1 << 22
  private let levels: Int
  private let table: [Int32]
  private let dictionary: [Int: Int32]

  init(_ columns: [(model: Int, level: Int)], models: Int, levels: Int) {
    self.levels = levels
    func pair(_ i: Int) -> Int { columns[i].model * levels + columns[i].level }
    guard models * levels <= ColumnPlaces.largestTable else {
      table = []
      dictionary = Dictionary(uniqueKeysWithValues: columns.indices.map { (pair($0), Int32($0)) })
      return
    }
    var table = [Int32](repeating: -1, count: models * levels)
    for i in columns.indices { table[pair(i)] = Int32(i) }
    self.table = table
    dictionary = [:]
  }

  /// The column of a model and level that has one.
  @inline(__always)
  subscript(model: Int, level: Int) -> Int {
    let pair = model * levels + level
    return table.isEmpty ? Int(dictionary[pair]!) : Int(table.withUnsafeBufferPointer { $0[pair] })
  }
}
