import NetworkModels

extension FittedNetworks: FittedLearner {}
