/// Every learner that `qfit -l` knows, in the order in which help lists them.
public let learnerRegistry: [any Learner.Type] = [
  Linear.self,
  Forest.self,
  GaussianNetwork.self,
  LevelInputNetwork.self,
  DirectQuantileNetwork.self,
  Marginal.self,
]
