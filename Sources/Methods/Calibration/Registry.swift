/// Every method that `qconformal --method` knows, in the order in which help lists them. Lists by kind, help, flags and dispatch follow from it.
public let calibrationRegistry: [CalibrationMethod] = [
  .ofRows(SplitConformal<ConformalizedQuantileRegression>.self),
  .ofRows(SplitConformal<MedianScaledCQR>.self),
  .ofRows(SplitConformal<WidthScaledCQR>.self),
  .ofRows(SplitConformal<AsymmetricCQR>.self),
  .ofRows(SplitConformal<ResidualIntervals>.self),
  .ofRows(SplitConformal<DistributionalCalibration>.self),
  .ofRows(SplitConformal<WeightedCQR>.self),
  .ofRows(ConditionalCQR.self),
  .ofCopies(CrossValidationPlus.self),
  .online(AdaptiveConformalInference.self),
  .online(DynamicallyTunedInference.self),
  .online(AggregatedInference.self),
  .online(ScaleFreeGradientDescent.self),
  .online(StronglyAdaptiveCalibration.self),
  .online(ConformalPID.self),
]
