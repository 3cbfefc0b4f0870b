namespace Heed.Engine.Nn;

/// <summary>
/// A part of a model: it owns parameters, taken from a <see cref="ParameterScope"/> when it is built, and has a <c>Forward</c> with typed
/// inputs. Modules hold no state between calls.
/// </summary>
public abstract class Module
{
}
