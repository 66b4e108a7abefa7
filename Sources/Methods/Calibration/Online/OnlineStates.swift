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

  /// How many numbers tell how a row is answered, over all intervals.
  var answerSize: Int { get }

  /// Writes them for the next row of a series; nil is one that was not added.
  func answer(series: Int?, into answers: UnsafeMutableBufferPointer<Double>)

  /// Learns from rows of one step, in any order. Of each row the scores, one an interval, and the numbers that `answer` wrote. Nothing is learnt
  /// from a score that is NaN.
  func learn(_ rows: [(scores: [EndScores], answer: UnsafeBufferPointer<Double>)], series: Int)

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
  /// Where the answers of each interval begin.
  private let starts: [Int]
  let answerSize: Int

  init(_ methods: [Method]) {
    self.methods = methods
    starts = methods.indices.map { k in methods[..<k].reduce(0) { $0 + $1.answerSize } }
    answerSize = methods.reduce(0) { $0 + $1.answerSize }
  }

  func addSeries() {
    for method in methods { states.append(method.start) }
    series += 1
  }

  func thresholds(series: Int?, interval k: Int) -> OnlineThresholds {
    let found = series.map { methods[k].thresholds(states[$0 * methods.count + k]) } ?? methods[k].thresholds(methods[k].start)
    // Sums of opposite infinities, as only predictions near the largest double bring about, bound nothing.
    return OnlineThresholds(lower: found.lower.isNaN ? .infinity : found.lower, upper: found.upper.isNaN ? .infinity : found.upper)
  }

  func answer(series: Int?, into answers: UnsafeMutableBufferPointer<Double>) {
    for (k, method) in methods.enumerated() {
      let own = UnsafeMutableBufferPointer(rebasing: answers[starts[k]..<starts[k] + method.answerSize])
      method.answer(series.map { states[$0 * methods.count + k] } ?? method.start, into: own)
    }
  }

  func learn(_ rows: [(scores: [EndScores], answer: UnsafeBufferPointer<Double>)], series: Int) {
    for (k, method) in methods.enumerated() {
      var lessons: [OnlineLesson] = []
      for row in rows where !row.scores[k].score.isNaN {
        lessons.append(OnlineLesson(row.scores[k], answer: UnsafeBufferPointer(rebasing: row.answer[starts[k]..<starts[k] + method.answerSize])))
      }
      if lessons.isEmpty { continue }
      if lessons.count > 1 { lessons.sort(by: OnlineLesson.precedes) }
      method.learn(lessons, into: &states[series * methods.count + k])
    }
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
