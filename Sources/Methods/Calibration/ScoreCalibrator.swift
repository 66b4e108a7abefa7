import Groundwork
import Quantiles

/// A method that needs no more of labelled rows than their scores, so that the calibration on the rows of several tables can be
/// made of what each of them gave.
public protocol ScoreCalibrator: Calibrator {
  /// The scores of the rows of `training`, one summary a bound. Throws a `Failure` where the method cannot take the data.
  func scores(_ training: CalibrationTraining) throws -> [ScoreSummary]

  /// What `fit` learns from the rows of all the scores, to the same bytes where they are all kept. Scores with weights come with
  /// the weight of a row to be answered for which corrections are reported.
  func fit(_ scores: [ScoreSummary], levels: [Double], typicalWeight: Double?) throws -> any FittedCalibrator
}

extension SplitConformal: ScoreCalibrator {
  public func scores(_ training: CalibrationTraining) throws -> [ScoreSummary] {
    let (measure, rows) = try prepared(training)
    return measure.bounds.indices.map { ScoreSummary(rows.scores(measure, bound: $0), weights: rows.weights) }
  }

  public func fit(_ scores: [ScoreSummary], levels: [Double], typicalWeight: Double?) throws -> any FittedCalibrator {
    let measure = try measure(levels: levels)
    guard scores.count == measure.bounds.count, scores.allSatisfy({ $0.hasWeights == (typicalWeight != nil) }) else { throw ByteReader.damaged }
    if let typicalWeight {
      return FittedSplitConformal(levels: levels, measure: measure, weighted: scores.map { $0.weighted! }, typicalWeight: typicalWeight)
    }
    let counts = scores.map(\.count)
    let thresholds = scores.indices.map { k in
      scores[k].value(atRank: ConformalRank.rank(coverage: measure.bounds[k].coverage, rows: counts[k]))
    }
    return FittedSplitConformal(levels: levels, measure: measure, thresholds: thresholds, rows: counts)
  }
}
