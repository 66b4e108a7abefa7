import FilterKit
import MethodKit

/// A kind of picture: what it is of, which flags it takes, and how it comes from a table.
struct Picture: Sendable {
  let name: String
  let summary: String
  /// The flags that it takes, of those that not all pictures take.
  let takes: Set<String>
  /// Whether it is of rows with quantiles.
  var isOfRows = false
  /// Whether those rows must have a target.
  var needsTarget = true
  /// The reports that it is of, the one that it is meant for first.
  var reports: [Report] = []
  /// `report` is the one that the table is; nil is rows.
  let draw: @Sendable (_ input: PictureInput, _ report: Report?) throws -> Drawing
}

extension Picture {
  var description: MethodDescription { MethodDescription(name: name, summary: summary) }

  /// Drawing it: what all pictures take, and what is its own.
  var mode: Mode {
    let shared = QPlot.list.names.subtracting(Picture.ownFlags).union(ReadingOptions.list.names)
    return Mode(name, name, summary, takes: shared.union(takes)) { [name] flag in
      let takers = pictures.filter { $0.takes.contains(flag) }.map(\.name)
      return ("\(flag) has no meaning for \(name)", "it goes with \(takers.joined(separator: ", "))")
    }
  }

  /// Flags of which a picture says whether it takes them.
  private static let ownFlags: Set = ["--by", "--order", "--time-format", "--intervals", "--rows", "--bins", "--panels"]
}

/// Every picture; a new one is a file and a line here.
let pictures = [fanPicture, reliabilityPicture, pitPicture, scoresPicture, weightsPicture]
