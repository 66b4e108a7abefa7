/// Every learner that `qfit -l` knows, in the order in which help lists them.
public let learnerRegistry: [any Learner.Type] = [
  Linear.self,
  Forest.self,
  ExtraTrees.self,
  Boost.self,
  Marginal.self,
]
