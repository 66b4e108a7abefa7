/// Every learner that `qfit -l` knows, in the order in which help lists them.
public let learnerRegistry: [any Learner.Type] = [
  Forest.self,
  Marginal.self,
]
