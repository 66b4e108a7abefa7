import Glibc
import Groundwork

/// What is learnt of one group of rows: how each expert did there, by each rule of weights, and how each rule did.
///
/// With one weight a model there is one slot, with one a model and level a slot for each level; everything is kept slot by slot.
struct ExpertGroup {
  /// Of each expert, of each slot: the numbers of the rules.
  var numbers: [Double] = []
  /// Of each slot, of each rule: its gains, and their sizes, in shares of the ensemble's loss over all rows.
  var rules: [Double]
  /// Of each slot: the largest share of the ensemble's loss that a step of the group had, and the first.
  var largest: [Double]
  var first: [Double]
  /// Of each slot: the largest size of a gain of AdaNormalHedge, at least 1.
  var scales: [Double]
  /// Steps that taught it.
  var steps = 0
  init(slots: Int, rules count: Int) {
    rules = [Double](repeating: 0, count: slots * count * 2)
    largest = [Double](repeating: 0, count: slots)
    first = largest
    scales = [Double](repeating: 1, count: slots)
  }

  /// Makes room for as many experts.
  mutating func grow(to experts: Int, size: Int, slots: Int) {
    let count = experts * size * slots
    if numbers.count < count { numbers += [Double](repeating: 0, count: count - numbers.count) }
  }

  /// Gives experts that come new the mean of the weights of others, where these are shared.
  mutating func start(_ new: [Int], others: [Int], shared: Int, size: Int, slots: Int) {
    if others.isEmpty { return }
    let stride = size * slots
    for s in 0..<slots {
      let mean = ExpertGroup.logMean(others.map { numbers[$0 * stride + s * size + shared] })
      for j in new { numbers[j * stride + s * size + shared] = mean }
    }
  }

  private static func logMean(_ logarithms: [Double]) -> Double {
    let highest = logarithms.max()!
    return highest + log(logarithms.map { exp($0 - highest) }.sorted().reduce(0, +) / Double(logarithms.count))
  }

  // MARK: Files

  /// Writes what is known of all experts, in an order of theirs.
  func encode(into writer: inout ByteWriter, experts: [Int], size: Int, _ record: GroupRecord) {
    writer.write(steps)
    writer.write(record.rows)
    writer.write(record.loss)
    for values in [rules, largest, first, scales] { writer.write(values) }
    func ordered(_ values: [Double], _ size: Int) -> [Double] { experts.flatMap { values[$0 * size..<($0 + 1) * size] } }
    writer.write(ordered(numbers, size))
    writer.write(ordered(record.ofExperts, GroupRecord.size))
  }

  static func decode(_ reader: inout ByteReader, slots: Int, rules count: Int, experts: Int, size: Int) throws -> (ExpertGroup, GroupRecord) {
    var group = ExpertGroup(slots: 0, rules: 0)
    var record = GroupRecord()
    group.steps = try reader.readCounter()
    record.rows = try reader.readCounter()
    record.loss = try reader.readDouble()
    group.rules = try reader.readArray(of: Double.self)
    group.largest = try reader.readArray(of: Double.self)
    group.first = try reader.readArray(of: Double.self)
    group.scales = try reader.readArray(of: Double.self)
    group.numbers = try reader.readArray(of: Double.self)
    record.ofExperts = try reader.readArray(of: Double.self)
    let isWhole =
      group.rules.count == slots * count * 2 && group.largest.count == slots && group.first.count == slots && group.scales.count == slots
      && group.numbers.count == experts * size && record.ofExperts.count == experts * GroupRecord.size
    guard isWhole, record.loss >= 0, record.loss.isFinite,
      [group.rules, group.largest, group.first, group.scales, group.numbers, record.ofExperts].allSatisfy(areFinite),
      zip(group.largest, group.first).allSatisfy({ $0 >= $1 && $1 >= 0 && ($1 > 0 || $0 == 0) }), record.ofExperts.allSatisfy({ $0 >= 0 }),
      group.scales.allSatisfy({ $0 >= 1 })
    else { throw ByteReader.damaged }
    return (group, record)
  }

  private static func areFinite(_ values: [Double]) -> Bool {
    var check = 0.0
    for value in values { check += value * 0 }
    return check == 0
  }
}
