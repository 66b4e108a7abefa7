/// Every family of scores that `qscore` writes, in the order of its columns; those with a `request` only where they are asked for.
public let scoreRegistry: [any Score.Type] = [
  WeightedIntervalScore.self,
  MeanPinballLoss.self,
  Bias.self,
  MedianError.self,
  IntervalCoverage.self,
  ContinuousRankedProbabilityScore.self,
]
