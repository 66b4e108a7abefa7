/// Every learner that `qfit -l` knows, in the order in which help lists them.
public let learnerRegistry: [any Learner.Type] = [
  Linear.self,
  Lasso.self,
  Forest.self,
  NearestNeighbours.self,
  RandomFourier.self,
  Marginal.self,
]
