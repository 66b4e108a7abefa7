/// Every online method that `qconformal --method` knows, in the order in which help lists them.
public let onlineRegistry: [any OnlineCalibrator.Type] = [
  AdaptiveConformalInference.self,
  DynamicallyTunedInference.self,
  AggregatedInference.self,
  ScaleFreeGradientDescent.self,
  StronglyAdaptiveCalibration.self,
  ConformalPID.self,
]
