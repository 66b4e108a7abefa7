/// Every conformal method that `qconformal --method` knows, in the order in which help lists them.
public let calibratorRegistry: [any Calibrator.Type] = [
  ConformalizedQuantileRegression.self
]
