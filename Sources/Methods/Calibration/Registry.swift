/// Every conformal method that `qconformal --method` knows, in the order in which help lists them.
public let calibratorRegistry: [any Calibrator.Type] = [
  SplitConformal<ConformalizedQuantileRegression>.self,
  SplitConformal<MedianScaledCQR>.self,
  SplitConformal<WidthScaledCQR>.self,
  SplitConformal<AsymmetricCQR>.self,
  SplitConformal<ResidualIntervals>.self,
  SplitConformal<DistributionalCalibration>.self,
  SplitConformal<WeightedCQR>.self,
  ConditionalCQR.self,
]
