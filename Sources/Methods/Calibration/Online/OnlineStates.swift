import Groundwork
import MethodKit

/// What an online method has learnt of every series: a state a series and interval.
public protocol OnlineStates: AnyObject {
  /// Series that were added.
  var series: Int { get }

  /// Adds one of which nothing is known; its number is the number of those before it.
  func addSeries()

  /// What answers the next row of a series; nil is one that was not added.
  func thresholds(series: Int?, interval: Int) -> OnlineThresholds

  /// Learns from the next row of a series. Nothing is learnt from a score that is NaN.
  func learn(_ scores: EndScores, series: Int, interval: Int)

  func encode(series: Int, into writer: inout ByteWriter)

  /// Adds a series as `encode` wrote it. Throws `ByteReader.damaged` for anything else.
  func addSeries(decoding reader: inout ByteReader) throws
}

extension OnlineCalibrator {
  /// The states of intervals with these miscoverages α.
  public static func states(alphas: [Double], settings: Settings) -> any OnlineStates {
    StateTable<Self>(alphas.map { Self(alpha: $0, settings: settings) })
  }
}

/// States side by side: those of one series together.
private final class StateTable<Method: OnlineCalibrator>: OnlineStates {
  private let methods: [Method]
  private var states: [Method.State] = []
  private(set) var series = 0

  init(_ methods: [Method]) { self.methods = methods }

  func addSeries() {
    for method in methods { states.append(method.start) }
    series += 1
  }

  func thresholds(series: Int?, interval k: Int) -> OnlineThresholds {
    let found = series.map { methods[k].thresholds(states[$0 * methods.count + k]) } ?? methods[k].thresholds(methods[k].start)
    // Sums of opposite infinities, as only predictions near the largest double bring about, bound nothing.
    return OnlineThresholds(lower: found.lower.isNaN ? .infinity : found.lower, upper: found.upper.isNaN ? .infinity : found.upper)
  }

  func learn(_ scores: EndScores, series: Int, interval k: Int) {
    if scores.score.isNaN { return }
    methods[k].learn(scores, into: &states[series * methods.count + k])
  }

  func encode(series: Int, into writer: inout ByteWriter) {
    for k in methods.indices { states[series * methods.count + k].encode(into: &writer) }
  }

  func addSeries(decoding reader: inout ByteReader) throws {
    for method in methods {
      let state = try Method.State(decoding: &reader)
      guard method.mayReach(state) else { throw ByteReader.damaged }
      states.append(state)
    }
    series += 1
  }
}
