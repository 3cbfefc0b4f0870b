using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>Gated recurrent units, gates in the order r, z, n.</summary>
/// <remarks>Cho et al. 2014, arXiv:1406.1078, with the reset gate applied after the product, as torch has it.</remarks>
/// <param name="inputs">D.</param>
/// <param name="width">H.</param>
/// <param name="at">Where the parameters are named.</param>
/// <param name="layers">Number of layers.</param>
/// <param name="bothDirections">True to run a second time from the end.</param>
/// <param name="bias">False: without biases.</param>
public sealed class Gru(int inputs, int width, ParameterScope at, int layers = 1, bool bothDirections = false, bool bias = true)
    : RecurrentStack(RecurrentCell.Gru, inputs, width, layers, bothDirections, at, bias);
