using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>Plain recurrent network: h = tanh(W·x + U·h), or with ReLU.</summary>
/// <remarks>Elman 1990.</remarks>
/// <param name="inputs">D.</param>
/// <param name="width">H.</param>
/// <param name="at">Where the parameters are named.</param>
/// <param name="layers">Number of layers.</param>
/// <param name="bothDirections">True to run a second time from the end.</param>
/// <param name="relu">True for ReLU instead of tanh.</param>
/// <param name="bias">False: without biases.</param>
public sealed class Rnn(int inputs, int width, ParameterScope at, int layers = 1, bool bothDirections = false, bool relu = false, bool bias = true)
    : RecurrentStack(relu ? RecurrentCell.Relu : RecurrentCell.Tanh, inputs, width, layers, bothDirections, at, bias);
