using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>Long short-term memory, gates in the order i, f, g, o.</summary>
/// <remarks>Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000.</remarks>
/// <param name="inputs">D.</param>
/// <param name="width">H.</param>
/// <param name="at">Where the parameters are named.</param>
/// <param name="layers">Number of layers.</param>
/// <param name="bothDirections">True to run a second time from the end.</param>
/// <param name="bias">False: without biases.</param>
public sealed class Lstm(int inputs, int width, ParameterScope at, int layers = 1, bool bothDirections = false, bool bias = true)
    : RecurrentStack(RecurrentCell.Lstm, inputs, width, layers, bothDirections, at, bias);
