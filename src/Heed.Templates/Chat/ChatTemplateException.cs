namespace Heed.Templates;

/// <summary>A chat template cannot be parsed or rendered, or the conversation does not fit it (exit code 3).</summary>
public class ChatTemplateException : InputException
{
    /// <summary>Builds <c>TEMPLATE: line LINE: REASON</c>.</summary>
    /// <param name="template">Name of the template, usually its file.</param>
    /// <param name="line">Line of the template, from 1; 0 where no line is to blame.</param>
    /// <param name="reason">What is wrong.</param>
    /// <param name="inner">The cause, where there is one.</param>
    public ChatTemplateException(string template, int line, string reason, Exception? inner = null)
        : base(line > 0 ? $"{template}: line {line}: {reason}" : $"{template}: {reason}", inner)
    {
        Template = template;
        Line = line;
        Reason = reason;
    }

    /// <summary>Name of the template.</summary>
    public string Template { get; }

    /// <summary>Line of the template, from 1; 0 where no line is to blame.</summary>
    public int Line { get; }

    /// <summary>What is wrong, without the place.</summary>
    public string Reason { get; }
}

/// <summary>The template itself refused the conversation by <c>raise_exception(message)</c> (exit code 3).</summary>
/// <param name="template">Name of the template.</param>
/// <param name="line">Line of the call, from 1.</param>
/// <param name="raisedMessage">The message, exactly as the template gave it.</param>
public sealed class ChatTemplateRaisedException(string template, int line, string raisedMessage) : ChatTemplateException(template, line, raisedMessage)
{
    /// <summary>The template's message, character for character; <see cref="Exception.Message"/> has control characters escaped and the
    /// place in front.</summary>
    public string RaisedMessage { get; } = raisedMessage;
}

/// <summary>An error of an expression, before the template's name and line are known.</summary>
internal sealed class TemplateFault(string message) : Exception(message);
