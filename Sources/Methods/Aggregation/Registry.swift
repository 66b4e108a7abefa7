/// Every way of combining that `qaggregate --method` knows, in the order in which help lists them. `auto` chooses among those that have a
/// `complexity`.
public let aggregatorRegistry: [any Aggregator.Type] = [
  Average.self,
  Median.self,
  LinearPool.self,
  Best.self,
  QuantileRegressionAveraging.self,
  FactorQuantileRegressionAveraging.self,
  GlobalCoarse.self,
  GlobalMedium.self,
  GlobalFine.self,
  LocalCoarse.self,
  LocalMedium.self,
  LocalFine.self,
  Auto.self,
]
