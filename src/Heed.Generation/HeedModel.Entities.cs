using Heed.Generation.Understanding;

namespace Heed.Generation;

public sealed partial class HeedModel
{
    /// <summary>The labelled parts of a text: names, amounts, dates. A text longer than the model reads is read in windows.</summary>
    /// <param name="text">The text.</param>
    /// <param name="options">Aggregation, labels that are left out, windows; null: whole words, without <c>O</c>.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>The parts in the order of the text.</returns>
    /// <exception cref="InputException">The model does not label tokens, or the stride is as long as a window.</exception>
    public IReadOnlyList<Entity> FindEntities(string text, EntityOptions? options = null, CancellationToken cancellationToken = default)
        => FindEntities([text], options, cancellationToken)[0];

    /// <summary>The labelled parts of texts.</summary>
    /// <inheritdoc cref="FindEntities(string, EntityOptions?, CancellationToken)"/>
    /// <param name="texts">The texts.</param>
    /// <param name="options">Aggregation, labels that are left out, windows; null: whole words, without <c>O</c>.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <returns>For each text its parts.</returns>
    public IReadOnlyList<IReadOnlyList<Entity>> FindEntities(
        IReadOnlyList<string> texts, EntityOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        options ??= new EntityOptions();
        using IDisposable use = _uses.Enter();
        TextReading reading = _reading.Value;
        int? stride = options.Truncate ? null : options.Stride ?? (reading.Limit == int.MaxValue ? 0 : reading.Limit / 4);
        List<LabelledPart>[] found = EntityFinding.Find(reading, [.. texts.Select(t => new EntityText(t))], options.Aggregation,
            options.IgnoredLabels, stride, cancellationToken);
        return [.. found.Select((parts, t) => (IReadOnlyList<Entity>)
            [.. parts.Select(p => new Entity(p.Label, texts[t][p.Start..p.End], p.Start, p.End, (float)p.Score))])];
    }

    /// <summary>As <see cref="FindEntities(IReadOnlyList{string}, EntityOptions?, CancellationToken)"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="FindEntities(IReadOnlyList{string}, EntityOptions?, CancellationToken)"/>
    public Task<IReadOnlyList<IReadOnlyList<Entity>>> FindEntitiesAsync(
        IReadOnlyList<string> texts, EntityOptions? options = null, CancellationToken cancellationToken = default)
        => Task.Run(() => FindEntities(texts, options, cancellationToken), cancellationToken);
}
