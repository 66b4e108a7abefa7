import Aggregation
import FilterKit
import Groundwork
import OnlineKit
import Tables

/// The groups of rows in which weights are learnt: for each subset of the columns of `--within` those of rows that agree in it, and in `--by`.
struct RowGroups {
  /// A family of groups: the columns in which its rows agree, and the places of those of `--within` among these.
  struct Family {
    let columns: [Int]
    let within: [Int]
    fileprivate let keys = KeyTable()
    /// Of each key, the number of its group.
    fileprivate var groups: [Int] = []
  }

  private(set) var families: [Family]
  private let by: Int
  private var rows = 0

  init(by: [Int], within: [Int]) {
    self.by = by.count
    let subsets = (0..<1 << within.count).map { mask in within.indices.filter { mask >> $0 & 1 == 1 } }
    families = subsets.sorted { $0.count != $1.count ? $0.count < $1.count : $0.lexicographicallyPrecedes($1) }.map { subset in
      Family(columns: by + subset.map { within[$0] }, within: subset)
    }
  }

  /// The row's groups, one a family; new ones are added to what learns. A key is spelt as the first row spells it that `isKept` in a state.
  mutating func find(_ row: Row, isKept: Bool, _ learner: OnlineWeights) throws -> [Int] {
    rows += 1
    var found = [Int](repeating: 0, count: families.count)
    for f in families.indices {
      let family = families[f]
      let number =
        family.columns.isEmpty
        ? try family.keys.number(of: [])
        : try family.keys.number(of: row, family.columns, at: KeyTable.Place(block: isKept ? 0 : 1, row: rows))
      found[f] = group(f, number, learner)
    }
    return found
  }

  private mutating func group(_ f: Int, _ number: Int, _ learner: OnlineWeights) -> Int {
    if number == families[f].groups.count {
      families[f].groups.append(learner.groupCount)
      learner.addGroup()
    }
    return families[f].groups[number]
  }

  // MARK: Reports

  /// The groups of a family, in the order of reports.
  func inOrder(_ f: Int) -> [Int] { families[f].keys.inOrder.map { families[f].groups[$0] } }

  /// Of a row's groups those that hold its group of a family, that one last.
  func chain(_ f: Int, _ own: [Int]) -> [Int] {
    families.indices.filter { $0 < f && families[$0].within.allSatisfy(families[f].within.contains) }.map { own[$0] } + [own[f]]
  }

  /// Of each group: what its rows agree in, for a table, with a cell for each column of `--by` and `--within`, and the groups that hold it.
  func named(columns: Int) throws -> [Int: (cells: [ReportTable.Cell], chain: [Int])] {
    var named: [Int: (cells: [ReportTable.Cell], chain: [Int])] = [:]
    for (f, family) in families.enumerated() {
      for (number, group) in family.groups.enumerated() {
        let values = family.keys.names[number]
        let own = Dictionary(uniqueKeysWithValues: zip(family.within, values[by...]))
        let cells = values[..<by].map { ReportTable.Cell.field($0) } + (0..<columns).map { own[$0].map { .field($0) } ?? .text("") }
        let wider = families[..<f].filter { $0.within.allSatisfy(family.within.contains) }.compactMap { wide in
          wide.keys.find(Array(values[..<by]) + wide.within.map { own[$0]! }).map { wide.groups[$0] }
        }
        named[group] = (cells, wider + [group])
      }
    }
    return named
  }

  // MARK: Files

  /// Groups that have learnt, or that rows are kept of, in an order that does not depend on how they came: of each family, key and number.
  func saved(_ learner: OnlineWeights, with rows: Set<Int>) -> [[(key: RowKey, group: Int)]] {
    families.map { family in
      family.groups.indices.filter { learner.hasLearnt(group: family.groups[$0]) || rows.contains(family.groups[$0]) }
        .map { (RowKey(family.keys.names[$0]), family.groups[$0]) }.sorted { $0.0 < $1.0 }
    }
  }

  /// Adds the group of a key that a state holds, which the learner adds next. Throws for one that is there.
  mutating func add(_ key: RowKey, family f: Int, number: Int) throws {
    guard try families[f].keys.number(of: key.values) == families[f].groups.count else { throw ByteReader.damaged }
    families[f].groups.append(number)
  }
}
