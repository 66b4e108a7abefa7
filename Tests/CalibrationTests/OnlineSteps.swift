import Calibration

extension OnlineStates {
  /// Learns one interval's scores of one row, answered by what is known now.
  func learn(_ scores: EndScores, series: Int, interval: Int) { learn([scores], series: series, interval: interval) }

  /// Learns one interval's scores of the rows of one step, answered by what is known now.
  func learn(_ rows: [EndScores], series: Int, interval: Int) {
    var answers = [Double](repeating: 0, count: answerSize)
    answers.withUnsafeMutableBufferPointer { answer(series: series, into: $0) }
    answers.withUnsafeBufferPointer { answers in
      let nothing = [EndScores](repeating: EndScores(below: .nan, above: .nan), count: interval)
      let others = [EndScores](repeating: EndScores(below: .nan, above: .nan), count: 64)
      learn(rows.map { (nothing + [$0] + others, answers) }, series: series)
    }
  }
}
