using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>
/// A place in a model's tree of names: <c>at / "attn" / "c_proj"</c>. The names are the keys of the released checkpoints, joined by dots.
/// Beside it runs <see cref="Site"/>, the same place in the uniform vocabulary of <see cref="Hooks"/>.
/// </summary>
public readonly struct ParameterScope
{
    internal ParameterScope(ModulePlace place) => Place = place;

    /// <summary>The node of the tree of scopes.</summary>
    internal ModulePlace Place { get; }

    /// <summary>The parameters of the whole model.</summary>
    public ParameterSet Set => Place.Set;

    /// <summary>The names so far, joined by dots; empty at the root.</summary>
    public string Path => Place.Path;

    /// <summary>Where hooks find this part, such as <c>decoder.blocks.3.attn</c>: the same words in every architecture.</summary>
    public string Site => Place.Site;

    /// <summary>The place one name deeper.</summary>
    public static ParameterScope operator /(ParameterScope at, string name)
        => new(new ModulePlace(at.Set, at.Place, at.NameOf(name), at.Site));

    /// <summary>The place one index deeper: <c>at / 3</c> is <c>….3</c>.</summary>
    public static ParameterScope operator /(ParameterScope at, int index)
        => at / index.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The place one name deeper, for languages without operators.</summary>
    public static ParameterScope Divide(ParameterScope left, string right) => left / right;

    /// <summary>The same place in the checkpoint, one word deeper in the vocabulary of hooks:
    /// <c>(at / "ln_1").As("attn_norm")</c>.</summary>
    public ParameterScope As(string site) => new(new ModulePlace(Set, Place, Path, Site.Length == 0 ? site : $"{Site}.{site}"));

    /// <summary>Makes a parameter here; its values come from the set's source.</summary>
    /// <param name="name">Last part of the key, such as <c>weight</c>.</param>
    /// <param name="shape">Its sizes, as stored.</param>
    /// <param name="initializer">Values where nothing is loaded.</param>
    /// <exception cref="InvalidOperationException">The key is taken: a fault of the model's code.</exception>
    public Parameter Parameter(string name, Shape shape, Initializer initializer) => Set.Add(Place, NameOf(name), shape, initializer);

    /// <summary>Makes the weight of a product here: packed for it in inference, plain in training.</summary>
    /// <param name="name">Last part of the key.</param>
    /// <param name="shape">[F, D], or [D, F] where <paramref name="inputMajor"/>.</param>
    /// <param name="initializer">Values where nothing is loaded.</param>
    /// <param name="inputMajor">True: the checkpoint holds [D, F].</param>
    /// <exception cref="InvalidOperationException">The key is taken: a fault of the model's code.</exception>
    public Parameter Weight(string name, Shape shape, Initializer initializer, bool inputMajor = false)
        => Set.Add(Place, NameOf(name), shape, initializer, inputMajor);

    /// <summary>Makes a table here whose rows are looked up by number.</summary>
    /// <param name="name">Last part of the key.</param>
    /// <param name="shape">[V, D].</param>
    /// <param name="initializer">Values where nothing is loaded.</param>
    /// <exception cref="InvalidOperationException">The key is taken: a fault of the model's code.</exception>
    public Parameter Table(string name, Shape shape, Initializer initializer)
        => Set.Add(Place, NameOf(name), shape, initializer, table: true);

    /// <summary>Says that a name of this place is another one of a parameter: a checkpoint may hold a tied output layer under its own key
    /// too.</summary>
    /// <param name="name">Last part of the second key, such as <c>weight</c>.</param>
    /// <param name="parameter">The parameter that is meant.</param>
    public void Share(string name, Parameter parameter) => Set.Share(NameOf(name), parameter);

    private string NameOf(string name) => Path.Length == 0 ? name : $"{Path}.{name}";
}
