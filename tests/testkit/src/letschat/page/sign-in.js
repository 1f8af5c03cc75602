// The form to sign in with a password.
import { make } from './text.js';

/**
 * A form. `attempt(username, password)` gives the account, or fails with the reason in words; `done(account)` is called
 * with the account.
 */
export function signInForm(attempt, done) {
  const field = (label, attributes) => make('label', {}, make('span', {}, label), make('input', { required: '', autocapitalize: 'off', spellcheck: 'false', ...attributes }));
  const problem = make('p', { class: 'problem', role: 'alert' });
  const button = make('button', { type: 'submit', class: 'send' }, 'Sign in');
  const form = make('form', { class: 'sign-in', 'aria-label': 'Sign in' },
    field('User name', { name: 'username', type: 'text', autocomplete: 'username', maxlength: 254 }),
    field('Password', { name: 'password', type: 'password', autocomplete: 'current-password', maxlength: 1000 }),
    problem, button);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { username, password } = form.elements;
    button.disabled = true;
    problem.textContent = '';
    try {
      const account = await attempt(username.value.trim(), password.value);
      form.reset();
      done(account);
    } catch (error) {
      problem.textContent = error.message;
      password.select();
    }
    button.disabled = false;
  });
  return form;
}

/** Signs in at the server that this page is from, as the login page of Let's Chat does. */
export async function signIn(username, password) {
  const away = () => { throw new Error('Let’s Chat does not answer. Try again when it is back.'); };
  const answer = await fetch('account/login', { method: 'POST', body: new URLSearchParams({ username, password }) }).catch(away);
  if (answer.status === 401) throw new Error('The user name or the password is wrong.');
  if (answer.status === 403) throw new Error('Too many wrong passwords: wait some seconds, then try again.');
  const account = answer.ok ? await fetch('account').catch(away) : answer;
  return account.ok ? account.json() : away();
}
