import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// What users should know about calibrations, each said once.
struct CalibrationMessages {
  let groups: [QuantileColumns]
  let calibrations: [any ReportedCalibration]
  let by: [String]
  let session: FilterSession

  /// What `--decay` alone does not say of time.
  static func tellLaterRows(_ flags: QConformal, _ session: FilterSession) {
    guard flags.decay != nil, flags.orderOptions.orderName == nil, !flags.learning.newOnly else { return }
    session.diagnostics.warn(
      "--decay: labelled rows are answered with what later ones teach too; name the column of times with --order, or leave them out with --new-only")
  }

  func tell() {
    tellCorrections()
    tellUnpaired()
    tellSmallKeys()
    tellInfiniteEnds()
  }

  private func tellCorrections() {
    for (group, calibration) in zip(groups, calibrations) {
      let prefix = groups.count > 1 ? group.title + ": " : ""
      for key in [nil] + calibration.keys.map(Optional.some) {
        for correction in calibration.corrections(key) {
          let name = key.map { $0.title(by) + ": " } ?? ""
          session.diagnostics.note("\(prefix)\(name)\(levelsText(correction.levels)): \(correction.effect), learnt from \(correction.rows) rows")
        }
      }
    }
  }

  private func levelsText(_ levels: [Double]) -> String { "level\(levels.count > 1 ? "s" : "") " + levels.map(levelText).joined(separator: " and ") }

  /// Groups no level of which can be calibrated, and, asked for, levels that are not among those that are.
  private func tellUnpaired() {
    CalibrationMessages.tellUnpaired(zip(groups, calibrations).filter { $1.corrections(nil).isEmpty }.map(\.0), of: groups, session.diagnostics)
    for (group, calibration) in zip(groups, calibrations) {
      let corrections = calibration.corrections(nil)
      if corrections.isEmpty { continue }
      let calibrated = Set(corrections.flatMap(\.levels).map { Level($0) })
      let others = group.levels.filter { !calibrated.contains(Level($0)) && !Level($0).isMedian }
      if !others.isEmpty { session.diagnostics.note("\(group.title): \(levelsText(others)) without a complement, only kept in order") }
    }
  }

  /// Says which groups have no two levels that make an interval. A median alone among groups with intervals is no surprise.
  static func tellUnpaired(_ unpaired: [QuantileColumns], of all: [QuantileColumns], _ diagnostics: Diagnostics) {
    func tell(_ groups: [QuantileColumns], _ say: (String) -> Void) {
      guard !groups.isEmpty else { return }
      say("\(diagnostics.list(groups.map(\.title))): no level has its complement (0.1 and 0.9, say), so nothing is calibrated")
    }
    let medians = unpaired.count == all.count ? [] : unpaired.filter { $0.levels.map { Level($0) } == [.median] }
    tell(medians, diagnostics.note)
    tell(unpaired.filter { group in !medians.contains { $0.name == group.name } }, diagnostics.warn)
  }

  private func tellSmallKeys() {
    guard let calibration = calibrations.max(by: { $0.rowsNeeded < $1.rowsNeeded }), let first = calibration.smallKeys.first else { return }
    let count = calibration.smallKeys.count
    let names = count == 1 ? first.title(by) : "\(count) groups of \(by.joined(separator: ", ")), \(first.title(by)) the first,"
    let lack = calibration.rowsNeeded == 1 ? "no labelled row" : "fewer than \(calibration.rowsNeeded) labelled rows"
    session.diagnostics.warn(
      "\(names) \(count == 1 ? "has" : "have") \(lack): all rows calibrate \(count == 1 ? "it" : "them")")
  }

  /// One warning for all levels whose ends are infinite, with the rows they need.
  private func tellInfiniteEnds() {
    let corrections = calibrations.flatMap(\.usedCorrections)
    let short = corrections.filter { $0.rows < $0.rowsNeeded }
    if let worst = short.max(by: { $0.rowsNeeded < $1.rowsNeeded }), let fewest = short.map(\.rows).min() {
      session.diagnostics.warn(
        """
        \(ends(of: short)) infinite: finite ones need \(counted(worst.rowsNeeded, "labelled row")), \
        and there \(fewest == 1 ? "is" : "are") \(fewest)
        """
      )
    }
    let light = corrections.filter { $0.rows >= $0.rowsNeeded && $0.amount == .infinity }
    if !light.isEmpty {
      session.diagnostics.warn(
        """
        \(ends(of: light)) infinite: too large a share of labelled rows scores infinitely far out, or weighs too \
        little beside the row to be answered
        """
      )
    }
  }

  private func ends(of corrections: [Correction]) -> String {
    let arePairs = corrections.allSatisfy { $0.levels.count == 2 }
    let levels = Set(corrections.flatMap { arePairs ? [$0.levels[0]] : $0.levels }.map { Level($0) }).sorted().map { levelText($0.value) }
    let several = levels.count > 1
    return
      """
      quantiles at level\(several ? "s" : "") \(levels.joined(separator: ", ")) \
      \(arePairs ? "and \(several ? "their complements" : "its complement") " : "")are
      """
  }

  /// Says how many rows hold quantiles that cross.
  static func tellCrossing(_ rows: [CalibratedRow], unwritten: Int = 0, _ say: (String) -> Void) {
    let count = rows.reduce(unwritten) { $0 + $1.crossingRows }
    guard count > 0 else { return }
    say("\(counted(count, "row has", "rows have")) quantiles that cross; qsort puts them in order before")
  }

  /// Says how many rows are left without an end where that depends on the row.
  static func tellUnbounded(_ rows: [CalibratedRow], conditional: Bool, weighted: Bool, _ say: (String) -> Void) {
    let count = rows.reduce(0) { $0 + $1.unboundedRows }
    guard count > 0, conditional || weighted else { return }
    let cause = conditional ? "too few labelled rows are alike in the columns of --given" : "they weigh too much beside the labelled rows"
    say("\(counted(count, "row has", "rows have")) infinite quantiles: \(cause)")
  }
}
