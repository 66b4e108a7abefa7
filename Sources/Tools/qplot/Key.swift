import FilterKit
import Groundwork
import Tables

/// The values that some columns have in the rows of a panel, as `--by` makes them.
struct Part: Hashable {
  let columns: [String]
  let values: [String]

  /// "location = 01" of each column.
  var title: [String] { zip(columns, values).map { "\($0) = \($1.isEmpty ? "(empty)" : $1)" } }

  /// By the values one after the other, as numbers where both are.
  static func precedes(_ a: Part, _ b: Part) -> Bool {
    for (x, y) in zip(a.values, b.values) where x != y {
      if let x = Double(x), let y = Double(y), x != y { return x < y }
      return x < y
    }
    return false
  }
}

extension Array {
  /// By the parts that the elements are about; those of one part stay in their order.
  func inOrder(of part: (Element) -> Part) -> [Element] {
    enumerated().sorted { a, b in
      let (x, y) = (part(a.element), part(b.element))
      return Part.precedes(x, y) || (!Part.precedes(y, x) && a.offset < b.offset)
    }.map(\.element)
  }
}

/// What a picture calls the group of a model.
func modelTitle(_ name: String) -> String { name.isEmpty ? "(no name)" : name }

extension PictureInput {
  /// Of all panels, those that are drawn: as many as `--panels` says, else 4, or as many as `-g` names. The caption tells of the others.
  func panels<Content>(_ all: [Content], _ noun: String, _ caption: inout Caption) -> [Content] {
    let shown = Array(all.prefix(panelLimit))
    if shown.count < all.count { caption.leaveOut(all.count - shown.count, of: all.count, noun) }
    return shown
  }

  var panelLimit: Int { panels ?? max(4, pickedModels?.count ?? 0) }

  /// The names of `-g`.
  var pickedModels: [String]? { groups.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } }
}
